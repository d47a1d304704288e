"""Where the package asks for the time and for ids.

They are the machine's and the operating system's, unless a recorded run is given again: then a clock stands in whose
time passes as the recording says, and which numbers its ids, so that every run gives the same. What only waits for
something (a lock, a timeout, a pause) asks `time` itself. It imports nothing of the package.
"""

from __future__ import annotations

import datetime as dt
import os
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from contextvars import Context, ContextVar, Token
from types import TracebackType
from typing import Final, Literal, Protocol, TypeAlias

Kind: TypeAlias = Literal["message", "session", "run", "turn", "request", "event", "compaction", "call", "display"]
"""What an id is of. A clock that numbers ids does so kind by kind."""


class IClock(Protocol):
    """Tells the time and gives ids: `REAL`, or what stands in for it."""

    @property
    def skips(self) -> bool:
        """Whether time passes without anybody waiting for it, so that there is nothing to be seen on the way."""
        ...

    def now_us(self) -> int:
        """Unix time in µs, where the caller is: turns that run side by side may have each their own time."""
        ...

    def reader(self) -> Callable[[], int]:
        """Gives the monotonic time in ns of the turn that asked for it, from whichever thread it is called."""
        ...

    def new_id(self, kind: Kind = "message") -> str:
        """A UUIDv7 (RFC 9562), sortable by time."""
        ...

    def turn(self, session_id: str, *, numbered: bool) -> AbstractAsyncContextManager[None]:
        """For the length of a turn. Unless its ids are `numbered`, they and the time of day are real ones in it, and
        only durations are recorded."""
        ...


class RealClock:
    """The machine's time, and ids with random bits from the operating system.

    `random` is never used: `random.seed(0)` in a notebook would make every kernel repeat the same ids.
    """

    skips = False

    def now_us(self) -> int:
        return time.time_ns() // 1_000

    def reader(self) -> Callable[[], int]:
        return time.perf_counter_ns

    def new_id(self, kind: Kind = "message") -> str:
        digits = f"{time.time_ns() // 1_000_000:012x}"
        tail = _random_tail()
        variant = "89ab"[int(tail[3], 16) & 3]
        return f"{digits[:8]}-{digits[8:]}-7{tail[:3]}-{variant}{tail[4:7]}-{tail[7:19]}"

    def turn(self, session_id: str, *, numbered: bool) -> AbstractAsyncContextManager[None]:
        return _NOTHING


REAL: Final = RealClock()
_NOTHING: Final = nullcontext()
_standing: IClock = REAL

here: Final[ContextVar[object]] = ContextVar("victor_nb_clock_here", default=None)
"""Which turn the caller is in; for the clock that stands in."""


def standing() -> IClock:
    """The clock that is asked now."""
    return _standing


def set_standing(clock: IClock) -> None:
    """Ask `clock` from now on, in the whole process."""
    global _standing  # noqa: PLW0603 (a process has one clock)
    _standing = clock


def is_recorded() -> bool:
    """Whether a recorded run is given again."""
    return _standing is not REAL


def now_us() -> int:
    """Unix time in µs."""
    return _standing.now_us()


def now() -> dt.datetime:
    """The time as an aware datetime, in UTC."""
    return dt.datetime.fromtimestamp(now_us() / 1e6, dt.UTC)


def local(moment: dt.datetime) -> dt.datetime:
    """As people here write it; in a recorded run in UTC, since it must read the same everywhere."""
    return moment.astimezone(dt.UTC if is_recorded() else None)


def turn(session_id: str, *, numbered: bool) -> AbstractAsyncContextManager[None]:
    """See `IClock.turn`."""
    return _standing.turn(session_id, numbered=numbered)


def new_id(kind: Kind = "message") -> str:
    """A UUIDv7 (RFC 9562), sortable by time."""
    return _standing.new_id(kind)


class Stopwatch:
    """Seconds since it was made, or started again: of a monotonic clock, and of the turn in which it was made."""

    __slots__ = ("_began", "_read")

    def __init__(self) -> None:
        self._read = _standing.reader()
        self._began = self._read()

    def restart(self) -> None:
        self._began = self._read()

    @property
    def elapsed_s(self) -> float:
        return (self._read() - self._began) / 1e9


class Within:
    """For the length of a block the time is that of the turn of `context`: for what another thread does for it."""

    def __init__(self, context: Context) -> None:
        self._turn = context.get(here)
        self._token: Token[object] | None = None

    def __enter__(self) -> None:
        if self._turn is not None:
            self._token = here.set(self._turn)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._token is not None:
            here.reset(self._token)


_random_tails: list[str] = []


def _random_tail() -> str:
    """Twenty hex digits from the operating system, fetched for many ids at once: a system call costs more than the
    rest of an id."""
    try:
        return _random_tails.pop()
    except IndexError:
        digits = os.urandom(2_560).hex()
        _random_tails.extend(digits[start : start + 20] for start in range(20, len(digits), 20))
        return digits[:20]


if hasattr(os, "register_at_fork"):  # a child must not repeat its parent's ids
    os.register_at_fork(after_in_child=_random_tails.clear)
