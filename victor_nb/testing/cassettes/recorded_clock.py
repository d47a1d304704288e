"""The clock of a replay. It begins at a fixed instant, passes as recorded answers say and by nothing else, and numbers
its ids: every run gives the same.

Each turn has its own time, which begins where what it is part of stands: turns side by side do not make each other
longer. When a turn ends, what it is part of stands where the turn has come to, if that is later.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import threading
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Final, get_args

from victor_nb import clock
from victor_nb.clock import REAL, Kind
from victor_nb.testing.cassettes.taking_turns import TakingTurns

BEGINS: Final = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)
_KINDS: Final = {kind: number for number, kind in enumerate(get_args(Kind))}


class _Line:
    """The time of one turn, or of all that is no turn's. `code` tells its ids from those of others."""

    def __init__(self, parent: _Line | None, us: int, code: int, number: int, *, numbered: bool) -> None:
        self.parent = parent
        self.us = us
        self.code = code
        self.number = number
        self.numbered = numbered
        self.turns = TakingTurns()
        self.has_baton = False
        self.over = False
        self._ids = Counter[Kind]()

    def ns(self) -> int:
        return self.us * 1_000

    def next_id(self, kind: Kind) -> str:
        number = self._ids[kind]
        self._ids[kind] += 1
        return uuid7(self.us // 1_000, (number << 48) | (self.code << 8) | _KINDS[kind])

    async def take_turn(self) -> None:
        """Wait until those that have not come as far have gone on."""
        assert self.parent
        turns, place = self.parent.turns, (self.us, self.number)
        had, self.has_baton = self.has_baton, False
        await (turns.give_way(place) if had else turns.take(place))
        self.has_baton = True

    def leave(self) -> None:
        if self.parent and self.has_baton:
            self.has_baton = False
            self.parent.turns.give()


class RecordedClock:
    """Stands in for the real clock while a cassette is replayed. With `skips` nobody waits for the time that passes."""

    def __init__(self, *, skips: bool = True) -> None:
        self.skips = skips
        self._lock = threading.Lock()
        self._begun = Counter[str]()
        self._codes = {0}
        self._root = _Line(None, int(BEGINS.timestamp() * 1_000_000), 0, 0, numbered=True)

    def now_us(self) -> int:
        line = self._here()
        return line.us if line.numbered else REAL.now_us()

    def reader(self) -> Callable[[], int]:
        return self._here().ns

    def new_id(self, kind: Kind = "message") -> str:
        line = self._here()
        if not line.numbered:
            return REAL.new_id(kind)
        with self._lock:
            return line.next_id(kind)

    async def passes(self, seconds: float) -> None:
        """So long it took to get to here. Turns that have not come as far go first."""
        line = self._here()
        with self._lock:
            line.us += round(seconds * 1_000_000)
        if line.has_baton:
            await line.take_turn()

    @asynccontextmanager
    async def turn(self, session_id: str, *, numbered: bool) -> AsyncGenerator[None]:
        line = self._begin(session_id, numbered)
        before = clock.here.set(line)
        try:
            await line.take_turn()
            yield
        finally:
            self._end(line)
            clock.here.reset(before)

    def _here(self) -> _Line:
        line = clock.here.get()
        return line if isinstance(line, _Line) and not line.over else self._root

    def _begin(self, name: str, numbered: bool) -> _Line:
        with self._lock:
            parent = self._here()
            self._begun[name] += 1
            code = self._code_of(f"{self._begun[name]} {name}")
            return _Line(parent, parent.us, code, len(self._codes), numbered=numbered)

    def _code_of(self, name: str) -> int:
        """By the name, not by the order of beginning: that may depend on threads of the user's."""
        code = int.from_bytes(hashlib.blake2b(name.encode(errors="replace"), digest_size=5).digest())
        while code in self._codes:
            code = (code + 1) % (1 << 40)
        self._codes.add(code)
        return code

    def _end(self, line: _Line) -> None:
        assert line.parent
        with self._lock:
            line.over = True
            line.parent.us = max(line.parent.us, line.us)
        line.leave()


def uuid7(ms: int, tail: int) -> str:
    """The UUIDv7 of a Unix time in ms and 74 bits."""
    high, low = tail >> 62, tail & ((1 << 62) - 1)
    digits = f"{ms << 80 | 7 << 76 | high << 64 | 2 << 62 | low:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
