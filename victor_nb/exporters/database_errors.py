"""What a database's error means for delivery: these rows are refused for good, or the same batch may go later.

Told by SQLSTATE, by SQLite's result code, or by the class names of DB-API 2, so that no driver is imported here.
"""

from __future__ import annotations

from collections.abc import Iterator

from victor_nb.errors import ExportError

_REFUSED_STATES = {"22", "23", "44", "54", "P0"}  # data, constraints, a view's check, limits of size, a trigger
_REFUSED_SQLITE = {18, 19, 20}  # SQLITE_TOOBIG, SQLITE_CONSTRAINT, SQLITE_MISMATCH
_REFUSED_NAMES = {"IntegrityError", "DataError", "OverflowError"}
# Access, transactions, resources, locks, the server itself, and names that are not there: the rows have no part in it.
_OF_THE_MOMENT_STATES = {"08", "25", "28", "3D", "3F", "40", "42", "53", "55", "57"}
_OF_THE_MOMENT_SQLITE = {3, 5, 6, 7, 8, 10, 13, 14, 23}  # permissions, busy, locked, memory, read-only, disk
_LONGEST = 300

ANY_TIME_S = 0.01
"""A time to wait, though none to speak of: it tells delivery that it need not look for events that are at fault."""


def is_refusal(error: BaseException) -> bool:
    """Whether the rows are at fault, and not the connection, the table or the moment."""
    for cause in _causes(error):
        if (state := sqlstate(cause)) is not None:
            return state[:2] in _REFUSED_STATES
        if isinstance(code := getattr(cause, "sqlite_errorcode", None), int):
            return code & 0xFF in _REFUSED_SQLITE
    names = {base.__name__ for cause in _causes(error) for base in type(cause).__mro__}
    return bool(names & _REFUSED_NAMES)


def is_lost_connection(error: BaseException) -> bool:
    """Whether the connection may be what failed."""
    states = [state for cause in _causes(error) if (state := sqlstate(cause)) is not None]
    return not is_refusal(error) and all(state.startswith(("08", "57P")) for state in states)


def is_of_the_moment(error: BaseException) -> bool:
    """Whether the rows are surely not at fault."""
    for cause in _causes(error):
        if (state := sqlstate(cause)) is not None:
            return state[:2] in _OF_THE_MOMENT_STATES
        if isinstance(code := getattr(cause, "sqlite_errorcode", None), int):
            return code & 0xFF in _OF_THE_MOMENT_SQLITE
    return any(isinstance(cause, OSError | TimeoutError) for cause in _causes(error))


def export_error(error: Exception) -> ExportError:
    """`error` as delivery understands it. Values of rows, which drivers put behind the first line, are left out."""
    if isinstance(error, ExportError):
        return error
    cause = list(_causes(error))[-1]
    first_line = (str(cause).splitlines() or [""])[0][:_LONGEST]
    hint = ""
    if "only be used in that same thread" in first_line:
        hint = "Pass the path of the file, or open the connection with check_same_thread=False."
    wait_s = ANY_TIME_S if is_of_the_moment(error) else None
    text = f"{type(cause).__name__}: {first_line}"
    return ExportError(text, hint=hint, retryable=not is_refusal(error), retry_after_s=wait_s)


def table_error(message: str, *, hint: str = "") -> ExportError:
    """The table is not as it must be; events wait until it is."""
    return ExportError(message, hint=hint, retry_after_s=ANY_TIME_S)


def sqlstate(error: BaseException) -> str | None:
    """The five characters that PostgreSQL's and some other drivers carry."""
    for name in ("sqlstate", "pgcode"):
        if isinstance(state := getattr(error, name, None), str) and len(state) == 5:
            return state
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """`error`, then what SQLAlchemy wraps in it, innermost last."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        wrapped = getattr(seen, "orig", None)
        if isinstance(wrapped, BaseException):
            seen = wrapped
        else:
            seen = seen.__cause__ if type(seen).__module__.startswith("sqlalchemy") else None
