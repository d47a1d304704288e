"""A writer without a thread: what is queued is done at once, by whoever queues it.

For databases that take microseconds. What was recorded can be read as soon as `append` has returned, and a store that
nobody closes leaves no thread behind.
"""

from __future__ import annotations

from victor_nb.store.writer import Group, Item, Writer


class InlineWriter(Writer):
    """Whoever queues holds one lock for it, so that the database is used by one thread at a time."""

    _is_open = False

    def start(self) -> bool:
        return True

    def _put(self, item: Item) -> None:
        if not self._is_open:
            self._database, self._is_open = self._opened(), True
        group = Group()
        group.add(item)
        self._queued += 1
        self._work(group)

    def close(self, timeout_s: float) -> None:
        if self._is_open:
            self._database.close()
