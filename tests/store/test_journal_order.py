"""Whatever is appended, refused, renamed and deleted, in whatever order: a journal holds what was taken, in order."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from victor_nb.errors import SessionConflictError, SessionError
from victor_nb.records import SessionEntry
from victor_nb.store import SQLiteStore

NAMES = st.sampled_from(["a", "b", "c"])
STEPS = st.one_of(
    st.tuples(st.just("append"), NAMES, st.integers(1, 3), st.sampled_from([0, 0, 0, -1, 1])),
    st.tuples(st.just("rename"), NAMES, NAMES),
    st.tuples(st.just("delete"), NAMES),
    st.tuples(st.just("event"), NAMES),
    st.tuples(st.just("restart")),
)


class Kernel:
    """A store, and what it should hold."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.store = SQLiteStore(path)
        self.expected: dict[str, list[SessionEntry]] = {}
        self.made = 0

    def append(self, name: str, count: int, off: int) -> None:
        known = self.expected.setdefault(name, [])
        first = max(len(known) + 1 + off, 1)
        entries = [SessionEntry(first + n, "turn", f'{{"n":{self.made + n}}}', self.made + n + 1) for n in range(count)]
        self.made += count
        receipt = self.store.append_entries(name, entries)
        if first == len(known) + 1:
            known.extend(entries)
            return
        try:
            receipt.result()
        except SessionConflictError:
            return
        raise AssertionError("it was taken")

    def rename(self, name: str, new: str) -> None:
        allowed = bool(self.expected.get(name)) and (name == new or not self.expected.get(new))
        try:
            self.store.rename_session(name, new)
        except SessionError:
            assert not allowed
        else:
            assert allowed
            self.expected[new] = self.expected.pop(name)

    def delete(self, name: str) -> None:
        assert self.store.delete_session(name) == bool(self.expected.pop(name, None))

    def event(self, name: str) -> None:
        self.store.append("x_test", name, {})

    def restart(self) -> None:
        self.store.close()
        self.store = SQLiteStore(self.path)

    def check(self) -> None:
        found = {saved.session_id: saved.entries for saved in self.store.saved_sessions()}
        assert found == {name: len(entries) for name, entries in self.expected.items() if entries}
        for name, entries in self.expected.items():
            assert self.store.read_entries(name) == entries


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(STEPS, max_size=25))
def test_a_journal_holds_what_was_taken_in_order(steps: list[tuple]):
    with tempfile.TemporaryDirectory() as folder:
        kernel = Kernel(Path(folder) / "victor.db")
        for what, *arguments in steps:
            getattr(kernel, what)(*arguments)
        kernel.check()
        kernel.restart()
        kernel.check()
        kernel.store.close()
