"""Which events were counted: a set of numbers that stays small, because events have no gaps between them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable

_MOST_RANGES = 10_000


class Ranges:
    """A set of whole numbers, kept as ranges from first to last.

    Of more than `most` ranges the lowest ones are joined, and what is between them counts as being in, so that memory
    is bounded.
    """

    def __init__(self, ranges: Iterable[tuple[int, int]] = (), *, most: int = _MOST_RANGES) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        self._most = most
        for first, last in sorted(ranges):
            self._firsts.append(first)
            self._lasts.append(last)

    def __contains__(self, value: int) -> bool:
        at = bisect_right(self._firsts, value) - 1
        return at >= 0 and value <= self._lasts[at]

    def __len__(self) -> int:
        return len(self._firsts)

    def as_list(self) -> list[tuple[int, int]]:
        return list(zip(self._firsts, self._lasts, strict=True))

    def copy(self) -> Ranges:
        return Ranges(self.as_list(), most=self._most)

    def joined(self, most: int) -> Ranges:
        """The same in at most so many ranges."""
        fewer = Ranges(self.as_list(), most=most)
        fewer._join()
        return fewer

    def add(self, value: int) -> bool:
        """Whether it was new."""
        if value in self:
            return False
        at = bisect_left(self._firsts, value)
        continues = at > 0 and self._lasts[at - 1] == value - 1
        precedes = at < len(self._firsts) and self._firsts[at] == value + 1
        if continues and precedes:
            self._lasts[at - 1] = self._lasts.pop(at)
            del self._firsts[at]
        elif continues:
            self._lasts[at - 1] = value
        elif precedes:
            self._firsts[at] = value
        else:
            self._firsts.insert(at, value)
            self._lasts.insert(at, value)
        self._join()
        return True

    def _join(self) -> None:
        excess = len(self._firsts) - self._most
        if excess > 0:
            del self._firsts[1 : excess + 1]
            del self._lasts[:excess]
