"""The ledger of deliveries: who delivers what, how far it came, and that every event is accounted for."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, TypeAlias

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from victor_nb.messages import new_id
from victor_nb.protocols import EventQuery
from victor_nb.records import DeadLetter, Outbox, StoredEvent
from victor_nb.store import SQLiteStore
from victor_nb.store.postgres import PostgresStore

LEAVES = "for n in range(3): store.append('x_test', 's', {'n': n}, channel=1)\nstore.claim('web', 1)\n"
KILLED = LEAVES + "os.kill(os.getpid(), 9)"
CLAIMS = "print(len(store.claim('web', 1)) - 1, flush=True); sys.stdin.read(); store.close()"

if TYPE_CHECKING:
    from conftest import Place

Store: TypeAlias = SQLiteStore | PostgresStore


def record(store: Store, count: int, channel: int = 1) -> list[StoredEvent]:
    for n in range(count):
        store.append("x_test", "s", {"n": n}, channel=channel)
    store.flush()
    return store.read(EventQuery(channel=channel))


def letter(box: Outbox, event: StoredEvent) -> DeadLetter:
    return DeadLetter(box.exporter, box.kernel_run_id, box.channel, event.position, event.seq, "refused")


def counts(box: Outbox) -> tuple[int, int, int, int]:
    return box.accepted, box.delivered, box.pending, box.dead


def test_a_new_outbox_has_everything_before_it(store: Store):
    record(store, 3)
    record(store, 5, channel=2)
    (box,) = store.claim("web", 1)
    assert counts(box) == (3, 0, 3, 0)
    assert (box.kernel_run_id, box.owner, box.channel) == (store.kernel_run_id, store.kernel_run_id, 1)


def test_what_was_saved_is_read_at_once(store: Store):
    events = record(store, 4)
    (box,) = store.claim("web", 1)
    store.save_outbox(dataclasses.replace(box, position=events[2].position), [letter(box, events[1])])
    (saved,) = store.outboxes()
    assert counts(saved) == (4, 2, 1, 1)
    assert [dead.seq for dead in store.dead_letters("web")] == [2]
    assert store.dead_letters("other") == []


def test_a_position_never_goes_back(store: Store):
    events = record(store, 4)
    (box,) = store.claim("web", 1)
    store.save_outbox(dataclasses.replace(box, position=events[3].position))
    store.save_outbox(dataclasses.replace(box, position=events[0].position, last_error="old news"))
    (saved,) = store.outboxes()
    assert (saved.position, saved.last_error) == (events[3].position, None)
    assert counts(saved) == (4, 4, 0, 0)


def test_a_settled_letter_counts_as_delivered_once(store: Store):
    events = record(store, 3)
    (box,) = store.claim("web", 1)
    store.save_outbox(dataclasses.replace(box, position=events[2].position), [letter(box, event) for event in events])
    for _ in range(2):
        store.settle([letter(box, events[1])])
    assert counts(store.outboxes()[0]) == (3, 1, 0, 2)
    assert [dead.seq for dead in store.dead_letters()] == [1, 3]


def test_failures_are_kept_with_the_outbox(store: Store, place: Place):
    record(store, 1)
    (box,) = store.claim("web", 1)
    store.save_outbox(dataclasses.replace(box, attempts=3, last_error="no route"))
    store.close()
    reader = place.open()
    (saved,) = reader.outboxes()
    reader.close()
    assert (saved.attempts, saved.last_error, saved.updated_at_us is not None) == (3, "no route", True)


def test_what_a_killed_kernel_left_is_taken_over(store: Store, place: Place):
    assert place.run(KILLED).returncode == -9
    left, own = store.claim("web", 1)
    assert counts(left) == (3, 0, 3, 0)
    assert left.owner == own.owner == store.kernel_run_id
    assert own.kernel_run_id == store.kernel_run_id != left.kernel_run_id
    assert store.claim("web", 1) == [left, own]
    assert [box.kernel_run_id for box in store.claim("web", 2)] == [store.kernel_run_id]
    assert [box.kernel_run_id for box in store.claim("other", 1)] == [store.kernel_run_id]


def test_what_is_delivered_is_left_alone(store: Store, place: Place):
    assert place.run(LEAVES + "store.close()").returncode == 0
    left, _ = store.claim("web", 1)
    store.save_outbox(dataclasses.replace(left, position=3))
    assert len(store.claim("web", 1)) == 1


def test_a_live_kernel_keeps_what_is_its_own(store: Store, place: Place):
    record(store, 2)
    store.claim("web", 1)
    assert place.run(CLAIMS).stdout == "0\n"


def test_of_kernels_that_claim_at_once_one_gets_each(place: Place):
    for _ in range(3):
        place.run(KILLED)
    kernels = [place.start(CLAIMS) for _ in range(4)]
    taken = [int(kernel.stdout.readline()) for kernel in kernels if kernel.stdout]
    store = place.open()
    owners = {box.owner for box in store.outboxes() if box.pending}
    store.close()
    for kernel in kernels:
        kernel.communicate("")
    assert sum(taken) == 3
    assert len(owners) <= sum(count > 0 for count in taken)


RACES = """
store.claim('ready', 1)
print(flush=True); sys.stdin.readline()
print(sum(len(store.claim(f'web{n}', 1)) - 1 for n in range(40)), store.degraded, flush=True)
sys.stdin.read(); store.close()
"""
LEAVES_MANY = "store.append('x_test', 's', {}, channel=1)\nfor n in range(40): store.claim(f'web{n}', 1)\n"


def test_claims_in_the_same_moment_share_out_what_is_left(place: Place):
    place.run(LEAVES_MANY + "store.close()")
    kernels = [place.start(RACES) for _ in range(3)]
    for kernel in kernels:
        assert kernel.stdout
        kernel.stdout.readline()
    for kernel in kernels:
        assert kernel.stdin
        kernel.stdin.write("go\n")
        kernel.stdin.flush()
    answers = [kernel.stdout.readline().split() for kernel in kernels if kernel.stdout]
    for kernel in kernels:
        kernel.communicate("")
    assert sum(int(taken) for taken, _ in answers) == 40
    assert [degraded for _, degraded in answers] == ["None"] * 3


STEPS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 12)), max_size=14)


@settings(deadline=None, max_examples=60)
@given(STEPS)
def test_every_event_is_delivered_pending_or_dead(steps: list[tuple[int, int]]):
    balance(SQLiteStore(), steps)


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_every_event_is_delivered_pending_or_dead_in_a_database(postgres: str, steps: list[tuple[int, int]]):
    balance(PostgresStore(postgres, schema=f"s_{new_id().replace('-', '_')}"), steps)


def balance(store: Store, steps: list[tuple[int, int]]) -> None:
    (box,) = store.claim("web", 1)
    for step, number in steps:
        events = store.read(EventQuery(channel=1))
        if step == 0:
            record(store, number % 4)
        elif step == 1 and events:
            box = dataclasses.replace(box, position=events[number % len(events)].position)
            store.save_outbox(box)
        elif step == 2 and events:
            event = events[number % len(events)]
            store.save_outbox(dataclasses.replace(box, position=event.position), [letter(box, event)])
        elif step == 3:
            store.settle(store.dead_letters()[: number % 3])
        else:
            (box,) = store.claim("web", 1)
    (box,) = store.outboxes()
    assert box.accepted == store.accepted == box.delivered + box.pending + box.dead
    assert box.dead == len(store.dead_letters())
    store.close()
