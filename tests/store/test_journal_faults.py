"""Conversations when their store fails: they go the way of events, and nothing that was said is lost."""

from __future__ import annotations

import resource
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from support.services import PostgresCluster
from support.team_stores import asked, until

from victor_nb.errors import SessionConflictError, StoreError
from victor_nb.records import SessionEntry
from victor_nb.store import SQLiteStore
from victor_nb.store.kept import KeptEntries, SessionName
from victor_nb.store.postgres import PostgresStore
from victor_nb.store.postgres_journals import append_late


def entries(first: int, last: int, text: str = "hi") -> list[SessionEntry]:
    return [SessionEntry(number, "turn", f'{{"text":"{text}"}}', 1_000 + number) for number in range(first, last + 1)]


def numbers(store: SQLiteStore | PostgresStore, name: str = "s") -> list[int]:
    return [entry.number for entry in store.read_entries(name)]


def test_a_disk_that_is_full_has_the_rest_in_memory(tmp_path: Path):
    store = SQLiteStore(tmp_path / "victor.db")
    store.hold("s")
    store.append_entries("s", entries(1, 2)).result()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, hard))
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            for number in range(3, 40):
                store.append_entries("s", entries(number, number, "x" * 20_000)).result()
            store.append("x_test", "s", {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert numbers(store) == list(range(1, 40))
    assert ["in memory only" in str(warning.message) for warning in warned] == [True]
    (saved,) = store.saved_sessions()
    assert (saved.entries, saved.holder and saved.holder.id) == (39, store.kernel_run_id)
    store.append_entries("new", entries(1, 1)).result()
    assert (numbers(store, "new"), store.hold("new")) == ([1], None)
    for change in (lambda: store.rename_session("s", "t"), lambda: store.delete_session("s")):
        with pytest.raises(StoreError, match="cannot be written"):
            change()
    store.close()
    assert 2 <= len(numbers(SQLiteStore(tmp_path / "victor.db"))) < 39


def test_a_damaged_file_gives_no_conversation_and_keeps_new_ones_in_memory(tmp_path: Path):
    (tmp_path / "victor.db").write_bytes(b"garbage" * 1_000)
    store = SQLiteStore(tmp_path / "victor.db")
    with pytest.raises(StoreError, match="not a database"):
        store.read_entries("s")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        store.append_entries("s", entries(1, 1)).result()
    assert (numbers(store), store.hold("s")) == ([1], None)
    store.close()


def test_a_file_that_was_deleted_knows_nothing_of_what_went_before(tmp_path: Path):
    store = SQLiteStore(tmp_path / "victor.db")
    store.append_entries("s", entries(1, 2)).result()
    for part in tmp_path.iterdir():
        part.unlink()
    with pytest.raises(SessionConflictError, match="has 0 entries"):
        store.append_entries("s", entries(3, 3)).result()
    with pytest.warns(RuntimeWarning, match="was deleted"):
        store.append_entries("s", entries(1, 3)).result()
    assert numbers(store) == [1, 2, 3]
    store.close()


def test_entries_wait_on_the_own_disk_while_postgres_is_away(cluster: PostgresCluster, team: PostgresStore, dsn: str):
    assert team.hold("s") is None
    team.append_entries("s", entries(1, 1)).result()
    cluster.stop()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        for number in (2, 3):
            team.append_entries("s", entries(number, number)).result()
            team.append("x_test", "s", {})
        with pytest.raises(StoreError):
            team.read_entries("s")
        with pytest.raises(StoreError):
            team.hold("other")
    cluster.start()
    until(lambda: team.degraded is None)
    assert numbers(team) == [1, 2, 3]
    assert [saved.entries for saved in team.saved_sessions()] == [3]


LEAVE = """
import os, sys, warnings
from pathlib import Path
from victor_nb.records import SessionEntry
from victor_nb.store.postgres import PostgresStore
from victor_nb.store.postgres_journals import append_late

warnings.simplefilter("ignore")
store = PostgresStore(sys.argv[1], folder=Path(sys.argv[2]))
store.append_entries("s", [SessionEntry(1, "turn", "{}", 1001)]).result()
print("one", flush=True)
sys.stdin.readline()
store.append_entries("s", [SessionEntry(2, "turn", "{}", 1002)]).result()
os.kill(os.getpid(), 9)
"""


def test_what_a_killed_kernel_left_waiting_is_there_when_the_next_one_opens_the_session(
    cluster: PostgresCluster, dsn: str, tmp_path: Path
):
    command = [sys.executable, "-c", LEAVE, dsn, str(tmp_path)]
    kernel = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert kernel.stdout
    assert kernel.stdout.readline() == "one\n"
    cluster.stop()
    kernel.communicate("\n", timeout=60)
    cluster.start()
    later = PostgresStore(dsn, folder=tmp_path)
    assert later.hold("s") is None
    assert numbers(later) == [1, 2]
    later.close()


def test_what_waited_becomes_a_session_of_its_own_when_another_went_on(
    cluster: PostgresCluster, team: PostgresStore, dsn: str
):
    team.append_entries("s", entries(1, 2)).result()
    cluster.stop()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        for number in (3, 4):
            team.append_entries("s", entries(number, number, "mine")).result()
            team.append("x_test", "s", {})
        cluster.start()
        session = "(SELECT number FROM victor.sessions WHERE session_id = 's')"
        asked(dsn, f"INSERT INTO victor.session_entries VALUES ({session}, 3, 'turn', '{{}}', 1)")
        asked(dsn, "UPDATE victor.sessions SET entries = 3")
        until(lambda: team.degraded is None)
        team.flush()
    ours = f"s (kept by {team.kernel_run_id[-8:]})"
    assert {saved.session_id: saved.entries for saved in team.saved_sessions()} == {"s": 3, ours: 4}
    assert team.read_entries(ours) == [*entries(1, 2), *entries(3, 4, "mine")]
    assert team.read_entries("s")[2].data == "{}"


@pytest.mark.parametrize(("kernel", "first", "found"), [("theirs", 3, ["reset", 3]), ("ours", 10, ["reset", 9, 10])])
def test_what_waited_can_be_read_when_another_kernel_has_shortened_the_session(
    team: PostgresStore, kernel: str, first: int, found: list[object]
):
    last = SessionEntry(10, "turn", "{}", 5)
    team.append_entries("s", [*entries(1, 9), last]).result()
    assert team.shorten_entries("s", [SessionEntry(8, "reset", "{}", 5), *entries(9, 9), last])
    kept = KeptEntries(SessionName("", "s"), tuple(entries(first, first)), follows=1_000 + first - 1)
    team._ask(
        lambda database: database._asked(lambda link: link.apart(lambda *there: append_late(*there, kept, kernel)))
    )
    branch = team.read_entries(f"s (kept by {kernel})")
    assert [branch[0].kind, *(entry.number for entry in branch[1:])] == found
    assert [entry.number for entry in branch] == list(range(branch[0].number, first + 1))
