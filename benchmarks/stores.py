"""What a store costs a test: made, recorded into, read, closed; and with an orchestrator that answers one turn. The
store in memory against the file, and against the file's own way of being in memory, in this run.

    python benchmarks/stores.py [--rounds 9] [--items 60]
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import statistics
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from _harness import Samples, cpu_of_blocks, ratios, table

from victor_nb import AgentOrchestrator
from victor_nb.protocols import EventQuery
from victor_nb.store import SQLiteStore
from victor_nb.testing import InMemoryStore, ScriptedModel

Make = Callable[[], SQLiteStore]


def opened_and_closed(make: Make, items: int) -> None:
    for _ in range(items):
        store = make()
        store.append("x_test", "session", {"n": 1})
        store.flush()
        assert len(store.read(EventQuery())) == 1
        store.close()


def talked(make: Make, items: int) -> None:
    async def talks() -> None:
        for _ in range(items):
            store = make()
            orchestrator = AgentOrchestrator(model=ScriptedModel("One two three."), store=store)
            await orchestrator.chat("Count.")
            orchestrator.close()
            store.close()

    asyncio.run(talks())


def events(make: Make, items: int) -> None:
    store = make()
    for number in range(items * 50):
        store.append("x_test", "session", {"n": number, "text": "some words of a payload"})
    store.flush()
    store.close()


def show(title: str, samples: Samples) -> None:
    found = ratios(samples, "file")
    rows = [(name, statistics.median(figures), found[name]) for name, figures in samples.items()]
    table(title, ("store", "ms CPU", "of the file's"), rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--items", type=int, default=60)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        names = itertools.count()
        stores: dict[str, Make] = {
            "InMemoryStore": InMemoryStore,
            "SQLiteStore()": SQLiteStore,
            "file": lambda: SQLiteStore(Path(folder) / f"{next(names)}.db"),
        }
        for title, work, count in (
            ("A store that is made, written, read and closed", opened_and_closed, given.items),
            ("The same with an orchestrator and a turn", talked, given.items),
            ("An event of many", events, given.items * 50),
        ):
            contenders = {name: partial(work, make, given.items) for name, make in stores.items()}
            show(title, cpu_of_blocks(contenders, rounds=given.rounds, per_block=count))


if __name__ == "__main__":
    main()
