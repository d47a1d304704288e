"""What a turn costs: CPU of one turn through `AgentOrchestrator` (four coordinators, SQLite store) against the same
request by the model library alone, plain HTTP, and the peers that are installed, all in this run.

The loopback server is a process of its own; CPU is that of this whole process, our threads included. Fresh: every
turn begins a conversation. Growing: a block is one conversation (20 turns, streamed 4). A real model takes its time,
which leaves every contender with cold caches: one table has a server that waits 20 ms. Targets, against the model
library: not streamed 1.4, 500 streamed chunks 1.2.

    python benchmarks/turn.py [--rounds 9]

Measured 2026-11-22, 2 cores, shared (runs differ by 0.1 to 0.2), × the model library, not streamed: fresh 1.65,
growing 1.25, after 20 ms 1.58; 500 chunks: fresh 1.34, growing 1.18. chatlas 1.11, 1.39, 1.06; 0.78, 0.76.
langchain-openai 1.26, 1.11, 1.07; 1.11, 1.05.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
from functools import partial

from _contenders import Ask, installed
from _harness import child_server, cpu_of_blocks, ratios, repeated, table

SERVER = "tests/support/llm_server.py"
BASELINE = "model library"


async def _turns(ask: Ask, count: int, fresh: bool) -> None:
    await ask(True)
    await repeated(lambda: ask(fresh), count - 1)


def _block(loop: asyncio.Runner, ask: Ask, count: int, fresh: bool) -> None:
    loop.run(_turns(ask, count, fresh))


def measure(
    title: str, loop: asyncio.Runner, url: str, *, streamed: bool, fresh: bool, turns: int, rounds: int
) -> None:
    asks = {name: make(url, streamed) for name, make in installed().items()}
    blocks = {name: partial(_block, loop, ask, turns, fresh) for name, ask in asks.items()}
    samples = cpu_of_blocks(blocks, rounds=rounds, per_block=turns)
    against_library, against_http = ratios(samples, BASELINE), ratios(samples, "httpx")
    rows = [
        (name, statistics.median(found), against_library[name], against_http[name]) for name, found in samples.items()
    ]
    table(title, ["", "CPU ms", "× model library", "× httpx"], rows)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    with asyncio.Runner() as loop:
        compare(loop, rounds)


def compare(loop: asyncio.Runner, rounds: int) -> None:
    with child_server([SERVER]) as url:
        whole = partial(measure, loop=loop, url=url, streamed=False, rounds=rounds, turns=20)
        whole("A turn, not streamed, fresh conversation", fresh=True)
        whole("A turn, not streamed, growing conversation", fresh=False)
    with child_server([SERVER, "--delay", "0.02"]) as url:
        title = "A turn, not streamed, fresh conversation, answered after 20 ms"
        measure(title, loop, url, streamed=False, fresh=True, turns=10, rounds=rounds)
    with child_server([SERVER, "--chunks", "500", "--text", "word "]) as url:
        streams = partial(measure, loop=loop, url=url, streamed=True, rounds=rounds, turns=4)
        streams("A turn of 500 streamed chunks, fresh conversation", fresh=True)
        streams("A turn of 500 streamed chunks, growing conversation", fresh=False)


if __name__ == "__main__":
    main()
