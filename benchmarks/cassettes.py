"""What it costs to record a conversation and to replay it: victor_nb's cassette against recorders of HTTP, and against
the real service, in this run. 20 turns, each a question, a call of a tool and a streamed answer; 40 requests.

The conversation goes through an `AgentOrchestrator` in every contender (see `_recorders.py`), each time in a process of
its own, whose CPU is counted from its start; contenders take turns. The service is a process on this machine whose
ids, dates and headers are new with every answer, as they are in reality. Targets: replay at most half of cassetter's
CPU, 32 KB or so for 40 requests, no changed line when the same is recorded again, and a first piece of text that comes
as soon as without a recorder.

    pip install vcrpy cassetter
    python benchmarks/cassettes.py [--rounds 5] [--long 200] [--older PYTHON]

Measured 2026-11-28, 2 cores, busy; CPU s of the process replaying: victor_nb 0.38, cassetter 0.16.1 1.88, vcrpy 9.4.2
3.06, the service itself 1.97. A further turn, ms: 2.6, 28, 94, 34. KB: 34, 731, 632. Changed lines when the same is
recorded again: 0, 4,120, 5,400; when the third question is edited: 74, 4,336, 5,582. More in docs/testing.md.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from _harness import ROOT, child_server, ratios, table
from _recorders import installed

SERVER, PAUSE_S, EDITED = "benchmarks/_talking_server.py", 0.3, 3
TURNS, QUESTIONS = 20, 6
WIRES = ("openai-chat:gpt-5-mini", "openai-responses:gpt-5-mini", "anthropic:claude-sonnet-5-5")


class Talks:
    """Conversations in new processes, with the compiled files of packages kept between them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        kept = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(folder / "compiled")}
        self._environment = {name: value for name, value in os.environ.items() if name != "CI"} | kept

    def path(self, name: str, version: str = "first") -> Path:
        return self.folder / f"{name}.{version}"

    def hold(
        self, name: str, mode: str, url: str, *, version: str = "first", turns: int = TURNS, edited: int = 0
    ) -> Any:
        more = ["--turns", str(turns), "--edited", str(edited)]
        found = self.run(sys.executable, name, mode, str(self.path(name, version)), url, *more)
        assert not found["failure"], f"{name}, {mode}: {found['failure']}"
        return found

    def run(self, python: str, *arguments: str) -> Any:
        command = [python, "benchmarks/_recorders.py", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=self._environment, capture_output=True, text=True, check=False)
        lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
        assert lines, done.stderr
        return json.loads(lines[-1])


def cpu(talks: Talks, url: str, rounds: int, turns: int = TURNS) -> None:
    """Replaying, then recording; the first round warms up."""
    names = list(installed())
    for mode in ("record", "replay"):
        whole: dict[str, list[float]] = {name: [] for name in names}
        after: dict[str, list[float]] = {name: [] for name in names}
        for number in range(rounds + 1):
            for name in names if number % 2 else reversed(names):
                found = talks.hold(name, mode, url, turns=turns)
                if number:
                    whole[name].append(found["cpu_s"])
                    after[name].append(found["cpu_s"] - found["first_turn_cpu_s"])
        against = {name: ratios(samples, "live") for name, samples in (("whole", whole), ("after", after))}
        rows = [
            (
                name,
                statistics.median(whole[name]),
                against["whole"][name],
                1000 * statistics.median(after[name]) / (turns - 1),
                against["after"][name],
            )
            for name in names
        ]
        title = f"CPU of {turns} turns, {'replayed' if mode == 'replay' else 'recorded'}"
        table(title, ["", "process s", "× live", "a further turn ms", "× live"], rows)


def changed(old: Path, new: Path) -> int:
    """Lines that `git diff` shows, taken away and put in."""
    command = ["git", "diff", "--no-index", "--numstat", str(old), str(new)]
    told = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return sum(int(count) for count in told.split()[:2])


def files(talks: Talks, url: str) -> None:
    rows: list[tuple[object, ...]] = []
    for name in [name for name in installed() if name != "live"]:
        first, same, edited = (talks.path(name, version) for version in ("first", "same", "edited"))
        for version, path in (("same", same), ("edited", edited)):
            path.write_bytes(first.read_bytes())
            talks.hold(name, "record", url, version=version, edited=EDITED if version == "edited" else 0)
        rows.append((name, first.stat().st_size / 1000, changed(first, same), changed(first, edited)))
    heads = ["", "KB", "changed lines, same again", f"question {EDITED} edited"]
    table(f"The file of {2 * TURNS} requests", heads, rows)


def first_piece(talks: Talks) -> None:
    """Of turns behind the first, which imports the client."""
    rows: list[tuple[object, ...]] = []
    with child_server([SERVER, "--pause", str(PAUSE_S)]) as url:
        for name in installed():
            found = talks.hold(name, "record", url, version="paused", turns=TURNS)["firsts_s"][1:]
            rows.append((name, 1000 * statistics.median(found)))
    live = float(str(rows[0][1]))
    title = f"First piece of an answer that is recorded; the second comes {PAUSE_S} s later"
    table(title, ["", "p50 ms", "× live"], [(name, ms, float(str(ms)) / live) for name, ms in rows])


def upgraded(talks: Talks, older: str) -> None:
    """What another Python recorded, with its versions of the clients, replayed with those of this one."""
    rows: list[tuple[object, ...]] = []
    with child_server(["tests/support/llm_server.py"]) as openai_url:
        for wire in WIRES:
            url = openai_url.removesuffix("/v1") if wire.startswith("anthropic") else openai_url
            counts: list[object] = []
            for name in [name for name in installed() if name != "live"]:
                given = [str(talks.path(name, wire.partition(":")[0])), url, "--turns", str(QUESTIONS), "--model", wire]
                assert not talks.run(older, name, "record", *given)["failure"]
                counts.append(f"{len(talks.run(sys.executable, name, 'replay', *given)['firsts_s'])} of {QUESTIONS}")
            rows.append((wire, *counts))
    heads = ["", *(name for name in installed() if name != "live")]
    table(f"Requests recorded with the clients of {older} that are found with those of this Python", heads, rows)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--older", metavar="PYTHON", help="record with another Python, replay with this one; no more")
    parser.add_argument("--long", type=int, default=0, help="the same with so many turns, too")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="victor-bench-") as folder:
        talks = Talks(Path(folder))
        if given.older:
            upgraded(talks, given.older)
            return
        with child_server([SERVER]) as url:
            cpu(talks, url, given.rounds)
            files(talks, url)
            if given.long:
                cpu(talks, url, 1, given.long)
        first_piece(talks)


if __name__ == "__main__":
    main()
