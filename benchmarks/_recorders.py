"""Ways to record and replay one and the same conversation: victor_nb's cassette, and recorders of HTTP, which stand
below the model library. Each is a block in which answers are recorded anew to a path, or come from it.

The conversation goes through an `AgentOrchestrator` in all of them, so that what differs is the recorder. As a program
it holds one conversation in a process of its own and prints what that took.

    python benchmarks/_recorders.py NAME record|replay PATH URL  (started by `cassettes.py`)
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

Recorder = Callable[[str, str], AbstractContextManager[Any]]
PROVIDERS = ("openai", "anthropic", "pydantic_ai", "httpx", "httpx2")


def missing_in(column: str) -> int:
    """How many values are missing in a column."""
    return int(column[1:]) * 7


def question(turn: int, edited: int) -> str:
    changed = " and where they stand" if turn == edited else ""
    return f"How many values are missing in column c{turn} of the table{changed}, and what would you do about it?"


def live(path: str, mode: str) -> AbstractContextManager[Any]:
    return nullcontext()


def victor(path: str, mode: str) -> AbstractContextManager[Any]:
    from victor_nb.testing import use_cassette

    return use_cassette(path, "replay" if mode == "replay" else "rewrite")


def vcrpy(path: str, mode: str) -> AbstractContextManager[Any]:
    """With the body among what is compared: by default a changed question gets the old answer."""
    import vcr

    recorder = vcr.VCR(match_on=["method", "uri", "body"], filter_headers=["authorization"])
    return recorder.use_cassette(path, record_mode="none" if mode == "replay" else "all")


def cassetter(path: str, mode: str) -> AbstractContextManager[Any]:
    import cassetter

    match: Any = ["method", "uri", "body"]
    return cassetter.use_cassette(path, record_mode="none" if mode == "replay" else "rewrite", match_on=match)


def installed() -> dict[str, Recorder]:
    """Those that can run here, by name; vcrpy and cassetter come by `pip install vcrpy cassetter`."""
    peers: dict[str, tuple[str, Recorder]] = {"cassetter": ("cassetter", cassetter), "vcrpy": ("vcr", vcrpy)}
    found = {name: make for name, (module, make) in peers.items() if importlib.util.find_spec(module)}
    return {"live": live, "victor_nb": victor, **found}


def _spent() -> float:
    """CPU seconds of this process since it began, its threads included."""
    now = os.times()
    return now.user + now.system


async def talk(url: str, model: str, turns: int, edited: int) -> dict[str, Any]:
    """What the conversation took: CPU seconds to its first answer and to its end, and for each turn the seconds to the
    first piece of text; no more turns than were answered."""
    from _contenders import orchestrator

    agent = orchestrator(url, model, tools=[missing_in])
    firsts: list[float] = []
    spent: list[float] = []
    failure = ""
    for turn in range(1, turns + 1):
        began, first = time.perf_counter(), 0.0
        try:
            async for chunk in agent.stream_chat(question(turn, edited)):
                if chunk.content and not first:
                    first = time.perf_counter() - began
        except Exception as error:
            failure = f"{type(error).__name__}: {error}"
            break
        firsts.append(first)
        spent.append(_spent())
    agent.close()
    return {"firsts_s": firsts, "first_turn_cpu_s": spent[0] if spent else None, "failure": failure}


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("name", "mode", "path", "url"):
        parser.add_argument(name)
    parser.add_argument("--model", default="openai-chat:gpt-5-mini")
    parser.add_argument("--turns", type=int, default=20)
    parser.add_argument("--edited", type=int, default=0)
    given = parser.parse_args()
    if given.mode == "record":
        Path(given.path).unlink(missing_ok=True) if given.name == "vcrpy" else None
    with installed()[given.name](given.path, given.mode):
        found = asyncio.run(talk(given.url, given.model, given.turns, given.edited))
        if found["failure"]:  # a cassette of ours would raise it again at the end of the block
            print(json.dumps(found), flush=True)
    imported = [name for name in PROVIDERS if name in sys.modules]
    print(json.dumps(found | {"cpu_s": _spent(), "imported": imported}))


if __name__ == "__main__":
    main()
