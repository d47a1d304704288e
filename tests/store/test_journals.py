"""What holds for the journals of conversations in every store, whatever it writes to."""

from __future__ import annotations

import asyncio
import os
import threading
from typing import TYPE_CHECKING, TypeAlias

import pytest

from victor_nb.errors import SessionConflictError, SessionError, SessionInUseError, UsageError
from victor_nb.protocols import EventQuery
from victor_nb.records import SessionEntry
from victor_nb.store import SQLiteStore
from victor_nb.store.postgres import PostgresStore
from victor_nb.store.sessions import ISessionStore

if TYPE_CHECKING:
    from conftest import Place

Store: TypeAlias = SQLiteStore | PostgresStore
HOLD = "print(store.hold('s') is None, flush=True)\nsys.stdin.readline()\n"


def entries(first: int, last: int, text: str = "hi") -> list[SessionEntry]:
    return [SessionEntry(number, "turn", f'{{"text":"{text}"}}', 1_000 + number) for number in range(first, last + 1)]


def test_entries_are_read_back_as_they_were_appended(store: Store):
    assert isinstance(store, ISessionStore)
    assert store.read_entries("s") == store.saved_sessions() == []
    store.append_entries("s", entries(1, 2))
    store.append_entries("s", entries(3, 3), summary='{"turns":3}')
    assert store.read_entries("s") == entries(1, 3)
    assert store.read_entries("s", after=2) == entries(3, 3)
    (saved,) = store.saved_sessions()
    assert (saved.session_id, saved.notebook, saved.entries, saved.size_bytes) == ("s", "", 3, 39)
    assert (saved.created_at_us, saved.updated_at_us, saved.holder, saved.summary) == (1001, 1003, None, '{"turns":3}')


def test_what_does_not_follow_is_refused_and_the_events_beside_it_are_kept(store: Store):
    async def record():
        await store.append_entries("s", entries(1, 2))
        for wrong in (entries(2, 2, "other"), entries(1, 1, "other"), entries(4, 4)):
            late = store.append_entries("s", wrong)
            await store.append("x_beside", "s", {})
            with pytest.raises(SessionConflictError, match="has 2 entries"):
                await late
        await store.append_entries("s", entries(3, 3))

    asyncio.run(record())
    assert store.read_entries("s") == entries(1, 3)
    assert [event.type for event in store.read(EventQuery())] == ["x_beside"] * 3


def test_entries_that_follow_others_than_were_known_are_refused(store: Store, place: Place):
    store.append_entries("s", entries(1, 2)).result()
    other = place.open()
    other.delete_session("s")
    other.append_entries("s", [SessionEntry(1, "turn", "{}"), SessionEntry(2, "turn", "{}")]).result()
    with pytest.raises(SessionConflictError):
        store.append_entries("s", entries(3, 3)).result()
    store.read_entries("s")
    store.append_entries("s", entries(3, 3)).result()
    assert [entry.number for entry in other.read_entries("s")] == [1, 2, 3]
    other.close()


def test_entries_that_do_not_count_on_are_refused_at_once(store: Store):
    for wrong in ([], entries(0, 1), [*entries(1, 1), *entries(3, 3)]):
        with pytest.raises(UsageError, match="count 1, 2, 3"):
            store.append_entries("s", wrong)


def test_entries_go_into_the_commit_of_the_events_beside_them(store: Store):
    """A turn is one commit: what is waited for last brings all of it."""

    async def record():
        kept = store.append_entries("s", entries(1, 1))
        await store.append("turn_completed", "s", {})
        assert kept._answer.done()  # pyright: ignore[reportPrivateUsage]

    asyncio.run(record())


def test_a_session_is_held_once_whoever_asks(store: Store, place: Place):
    assert store.hold("s") is store.hold("s") is None
    other = place.open()
    holder = other.hold("s")
    assert holder is not None
    assert (holder.id, holder.alive) == (store.kernel_run_id, True)
    store.append_entries("s", entries(1, 1)).result()
    assert other.saved_sessions()[0].holder == holder
    with pytest.raises(SessionConflictError):
        other.append_entries("s", entries(2, 2)).result()
    for change in (lambda: other.rename_session("s", "t"), lambda: other.delete_session("s")):
        with pytest.raises(SessionInUseError, match="'s' is open in the kernel") as error:
            change()
        assert error.value.holder.startswith("the kernel of no notebook")
    store.release("s")
    assert other.hold("s") is None
    assert store.hold("s") is not None
    other.close()


def test_who_ends_or_is_killed_holds_nothing(store: Store, place: Place):
    place.run("store.hold('s')\nos.kill(os.getpid(), 9)")
    assert store.hold("s") is None
    store.close()
    ended = place.run("print(store.hold('s'))\nstore.close()\nstore.append('x_test', 's', {})\nstore.flush()\n" + HOLD)
    assert ended.stdout == "None\nTrue\n", ended.stderr


def test_a_run_that_ended_and_goes_on_has_to_ask_again(store: Store, place: Place):
    store.hold("s")
    store.close()
    store.append("x_test", "s", {})
    store.flush()
    other = place.open()
    assert other.hold("s") is None
    assert store.hold("s") is not None
    other.close()


def test_of_kernels_that_want_it_at_once_one_gets_it(place: Place):
    place.run("store.append('x_test', 's', {})\nstore.close()")
    kernels = [place.start(HOLD) for _ in range(3)]
    got = [kernel.stdout and kernel.stdout.readline() for kernel in kernels]
    assert sorted(map(str, got)) == ["False\n", "False\n", "True\n"]
    for kernel in kernels:
        kernel.communicate("\n", timeout=60)


def test_a_forked_child_holds_nothing(store: Store):
    store.hold("s")
    if (child := os.fork()) == 0:
        holder = store.hold("s")
        os._exit(0 if holder and holder.id != store.kernel_run_id else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_threads_that_append_to_their_own_sessions_keep_their_order(store: Store):
    def talk(name: str):
        for number in range(1, 41):
            store.append_entries(name, entries(number, number))
            store.append("x_test", name, {})

    threads = [threading.Thread(target=talk, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(store.read_entries(name) == entries(1, 40) for name in "abcd")


def test_a_session_of_another_notebook_is_another_one(place: Place):
    own, other = place.open(notebook="a.ipynb"), place.open()
    own.append_entries("s", entries(1, 1)).result()
    other.append_entries("s", entries(1, 2)).result()
    assert (own.read_entries("s"), own.read_entries("s", notebook="")) == (entries(1, 1), entries(1, 2))
    assert {(saved.notebook, saved.entries) for saved in own.saved_sessions(every_notebook=True)} == {
        ("a.ipynb", 1),
        ("", 2),
    }
    assert [saved.notebook for saved in other.saved_sessions()] == [""]
    assert other.delete_session("s", notebook="a.ipynb")
    assert (own.saved_sessions(), len(other.saved_sessions())) == ([], 1)
    own.close(), other.close()


def test_a_renamed_session_goes_on_under_its_name(store: Store):
    store.append_entries("s", entries(1, 1))
    store.append_entries("taken", entries(1, 1))
    with pytest.raises(SessionError, match="'taken' already"):
        store.rename_session("s", "taken")
    with pytest.raises(SessionError, match="no session 'nobody'"):
        store.rename_session("nobody", "t")
    store.rename_session("s", "t")
    store.append_entries("t", entries(2, 2)).result()
    assert (store.read_entries("s"), store.read_entries("t")) == ([], entries(1, 2))


def test_a_deleted_session_is_gone_and_its_name_free(store: Store):
    store.append_entries("s", entries(1, 2))
    assert (store.delete_session("s"), store.delete_session("s")) == (True, False)
    store.append_entries("s", entries(1, 1, "new")).result()
    assert store.read_entries("s") == entries(1, 1, "new")


def test_secrets_are_taken_out_of_conversations_and_their_names(store: Store):
    key = "sk-proj-" + "aB3" * 16
    store.append_entries(f"about {key}", entries(1, 1, key), summary=f'{{"first":"{key}"}}')
    (saved,) = store.saved_sessions()
    (entry,) = store.read_entries(f"about {key}")
    assert key not in f"{saved} {entry}"
    assert "[secret scrubbed: API key]" in entry.data
    assert store.hold(f"about {key}") is None


def test_names_may_be_long_and_odd(store: Store):
    name = "s\x00\ud800 🦉" + "long" * 5_000
    store.append_entries(name, entries(1, 1, "🦉"))
    assert store.read_entries(name) == entries(1, 1, "🦉")
    assert store.delete_session(name)


def test_pruning_events_leaves_conversations_alone(store: Store):
    store.append("x_test", "s", {})
    store.append_entries("s", entries(1, 1)).result()
    before = store.size_bytes()
    assert store.prune(1 << 60, undelivered=True) == 1
    store.vacuum()
    assert store.read_entries("s") == entries(1, 1)
    assert before > 0


def test_entries_are_kept_when_the_kernel_is_killed_behind_them(store: Store, place: Place):
    script = "from victor_nb.records import SessionEntry\nfor n in range(1, 31):\n"
    script += "    store.append_entries('s', [SessionEntry(n, 'turn', '{}')]).result()\nos.kill(os.getpid(), 9)"
    place.run(script)
    assert [entry.number for entry in store.read_entries("s")] == list(range(1, 31))


def test_a_shortened_session_ends_as_before_and_goes_on(store: Store):
    store.append_entries("s", entries(1, 9), summary="{}").result()
    short = [SessionEntry(8, "reset", "{}", 7), SessionEntry(9, "turn", '{"text":"all"}', 1_009)]
    assert store.shorten_entries("s", short)
    store.append_entries("s", entries(10, 10)).result()
    assert store.read_entries("s") == [*short, *entries(10, 10)]
    (saved,) = store.saved_sessions()
    assert (saved.entries, saved.size_bytes, saved.summary, saved.created_at_us) == (10, 29, "{}", 1_001)


def test_what_stands_for_less_than_is_there_replaces_nothing(store: Store, place: Place):
    store.append_entries("s", entries(1, 3)).result()
    wrong = [entries(2, 2), entries(3, 4), [SessionEntry(3, "turn", "{}", 5)]]
    assert [store.shorten_entries("s", one) for one in wrong] == [False] * 3
    assert not store.shorten_entries("nobody", entries(1, 1))
    store.hold("s")
    other = place.open()
    assert not other.shorten_entries("s", entries(3, 3))
    other.close()
    assert store.read_entries("s") == entries(1, 3)


SHORTEN = """
from victor_nb.records import SessionEntry
make = lambda first, last: [SessionEntry(n, 'turn', '{}', n) for n in range(first, last + 1)]
store.delete_session('s')
print('go', flush=True)
for last in range(1_000, 1_000_000, 1_000):
    store.append_entries('s', make(last - 999, last))
    assert store.shorten_entries('s', make(last - 9, last))
"""


@pytest.mark.parametrize("pause_s", [0.02, 0.05])
def test_a_kernel_that_is_killed_while_it_shortens_leaves_all_or_the_short(place: Place, pause_s: float):
    with place.start(SHORTEN) as kernel:
        assert kernel.stdout is not None
        assert kernel.stdout.readline() == "go\n"
        threading.Event().wait(pause_s)  # any moment will do
        kernel.kill()
    reader = place.open()
    while reader.hold("s"):
        pass
    numbers = [entry.number for entry in reader.read_entries("s")]
    assert len(numbers) in (0, 10, 1_000, 1_010)
    assert numbers == [] or numbers == list(range(numbers[0], reader.saved_sessions()[0].entries + 1))
    reader.close()
