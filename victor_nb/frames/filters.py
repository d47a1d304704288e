"""Which rows a frame has: the keyword arguments that all frames share, checked once and applied once."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypedDict, TypeVar, get_type_hints

from victor_nb.errors import UsageError, did_you_mean
from victor_nb.frames.times import When, to_us
from victor_nb.frames.where import Where, matching

if TYPE_CHECKING:
    import pyarrow as pa


class Filters(TypedDict, total=False):
    """The keyword arguments; see `Analytics`."""

    session: str | None
    notebook: str | None
    all: bool
    since: When | None
    until: When | None
    tags: Mapping[str, object] | None
    where: Where | None
    newest_first: bool
    limit: int | None


@dataclass(frozen=True, slots=True)
class Filter:
    """The same, checked: times in µs, and for each tag the texts that its value may have. `models`: any of these."""

    session: str | None = None
    notebook: str | None = None
    all: bool = False
    since_us: int | None = None
    until_us: int | None = None
    tags: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    where: Where | None = None
    newest_first: bool = False
    limit: int | None = None
    models: Sequence[str] = ()

    @property
    def takes_all(self) -> bool:
        """Whether every row of the runs and the session is wanted."""
        bounds = (self.since_us, self.until_us, self.where, self.limit)
        return not self.tags and not self.models and all(bound is None for bound in bounds)

    def applied(self, table: pa.Table, time_column: str) -> pa.Table:
        """The rows that are wanted, by everything but scope and tags. `time_column` may name another to fall back to,
        after a space."""
        import pyarrow as pa

        table = self._in_time(table, time_column)
        if self.models:
            table = matching(table, {"model": self.models})
        if self.where is not None:
            table = matching(table, self.where)
        if self.newest_first:
            table = table.take(pa.array(range(table.num_rows - 1, -1, -1), pa.int64()))
        return table if self.limit is None else table.slice(0, self.limit)

    def _in_time(self, table: pa.Table, time_column: str) -> pa.Table:
        import pyarrow as pa
        import pyarrow.compute as pc

        for compare, bound in ((pc.greater_equal, self.since_us), (pc.less, self.until_us)):
            if bound is not None:
                times = pc.coalesce(*(table[name] for name in time_column.split()))
                table = table.filter(compare(times, pa.scalar(bound, pa.int64()).cast(times.type)))
        return table


KNOWN: Final = tuple(get_type_hints(Filters))


def filter_of(given: Mapping[str, Any]) -> Filter:
    """The filter that keyword arguments ask for.

    Raises:
        UsageError: one of them is unknown, or its value cannot be used.
    """
    for name in given:
        if name not in KNOWN:
            raise UsageError(
                f"a frame knows no argument {name!r}.{did_you_mean(name, KNOWN)}", hint=f"known: {', '.join(KNOWN)}"
            )
    since, until, tags, limit = (given.get(name) for name in ("since", "until", "tags", "limit"))
    return Filter(
        session=_text("session", given.get("session")),
        notebook=_text("notebook", given.get("notebook")),
        all=bool(given.get("all")),
        since_us=None if since is None else to_us(since, "since"),
        until_us=None if until is None else to_us(until, "until"),
        tags=_tags(tags),
        where=_where(given.get("where")),
        newest_first=bool(given.get("newest_first")),
        limit=_limit(limit),
    )


def _text(name: str, value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise UsageError(f"{name}={value!r} is no text.", hint="sessions(all=True) lists sessions and notebooks")


def _tags(tags: object) -> Mapping[str, frozenset[str]]:
    if tags is None:
        return {}
    if not isinstance(tags, Mapping):
        raise UsageError(f"tags={tags!r} is no mapping.", hint='as in tags={"variant": "A"}')
    return {str(name): frozenset(map(tag_text, _several(value))) for name, value in tags.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


def _several(value: object) -> list[object]:
    return list(value) if isinstance(value, list | tuple | set | frozenset) else [value]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


def tag_text(value: object) -> str:
    """A tag's value as a column shows it."""
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _where(where: object) -> Where | None:
    if where is None or isinstance(where, str | Mapping):
        return where  # pyright: ignore[reportUnknownVariableType]
    raise UsageError(f"where={where!r} is neither text nor a mapping.", hint="as in where=\"status == 'ok'\"")


def _limit(limit: object) -> int | None:
    if limit is None or (isinstance(limit, int) and not isinstance(limit, bool) and limit >= 0):
        return limit
    raise UsageError(f"limit={limit!r} is no number of rows.", hint="as in newest_first=True, limit=20")


F = TypeVar("F", bound=Callable[..., Any])


def takes_filters(method: F) -> F:
    """Let help and completion show the arguments of `Filters` by name."""
    own = inspect.signature(method)
    kept = [each for each in own.parameters.values() if each.kind is not inspect.Parameter.VAR_KEYWORD]
    falsy = {"all", "newest_first"}
    shared = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=False if name in falsy else None, annotation=hint
        )
        for name, hint in Filters.__annotations__.items()
    ]
    method.__signature__ = own.replace(parameters=[*kept, *shared])  # pyright: ignore[reportFunctionMemberAccess]
    return method
