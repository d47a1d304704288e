"""`exports()`: every event that an exporter was to deliver, and what became of it."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from support import recorded

from victor_nb.frames import Analytics
from victor_nb.records import DeadLetter, EventQuery
from victor_nb.store import SQLiteStore


def positions(store: SQLiteStore, channel: int) -> list[int]:
    store.flush()
    return [event.position for event in store.read(EventQuery(channel=channel))]


def letter(store: SQLiteStore, channel: int, position: int) -> DeadLetter:
    event = store.read(EventQuery(positions=[position]))[0]
    return DeadLetter("files", store.kernel_run_id, channel, position, event.seq, "refused", attempts=2, died_at_us=5)


def test_a_row_is_a_stretch_of_one_fate() -> None:
    store = SQLiteStore()
    channel = store.open_channel()
    for number in range(6):
        store.append("x_event", "s", {"n": number}, channel=channel)
        store.append("x_other", "s", {"n": number})
    own = positions(store, channel)
    outbox = replace(store.claim("files", channel)[-1], position=own[3], attempts=3, last_error="timeout")
    store.save_outbox(outbox, [letter(store, channel, own[1])])
    exports = Analytics(lambda: store).exports()
    columns = ["status", "first_seq", "last_seq", "events", "attempts", "last_error"]
    assert exports[columns].astype(object).where(exports[columns].notna(), None).values.tolist() == [
        ["delivered", 1, 1, 1, None, None],
        ["dead", 3, 3, 1, 2, "refused"],
        ["delivered", 5, 7, 2, None, None],
        ["pending", 9, 11, 2, 3, "timeout"],
    ]
    assert exports["updated_at"][1] == pd.Timestamp(5, unit="us", tz="UTC")
    assert Analytics(lambda: store).exports(where="status == 'dead'")["events"].tolist() == [1]
    store.close()


@settings(deadline=None, max_examples=25)
@given(count=st.integers(0, 8), data=st.data())
def test_every_event_is_in_one_stretch(count: int, data: st.DataObject) -> None:
    store = SQLiteStore()
    for _ in range(count):
        recorded.start_turn(store)
    own = positions(store, 0)
    reached = data.draw(st.integers(0, count))
    dead = data.draw(st.sets(st.sampled_from(own[:reached]))) if reached else set()
    outbox = store.claim("files", 0)[-1]
    store.save_outbox(
        replace(outbox, position=own[reached - 1] if reached else 0), [letter(store, 0, each) for each in dead]
    )
    exports = Analytics(lambda: store).exports()
    proof = exports.attrs["victor"]["exporters"]["files"]
    assert proof == {"accepted": count, "delivered": reached - len(dead), "pending": count - reached, "dead": len(dead)}
    for status in ("delivered", "pending", "dead"):
        assert exports.loc[exports["status"] == status, "events"].sum() == proof[status]
    assert exports["first_seq"].tolist() == sorted(exports["first_seq"])
    store.close()
