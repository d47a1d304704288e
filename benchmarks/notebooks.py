"""Twenty notebooks that chat, replayed: kernels that are forked from a warm one against plain ones, by turns in
the same run. Wall seconds are those of the whole program, CPU seconds those of all its processes.

Each notebook calls a tool on a DataFrame, reads its turns and a summary as frames, and draws a figure. It is recorded
once, against a loopback server. Targets: a third of the wall seconds of `pytest --nbmake -n 2` with plain kernels; less
than 1.5 s a notebook.

    python benchmarks/notebooks.py [--notebooks 20] [--rounds 3] [--ways "nbmake, fork" …]

Measured 2026-11-28, 2 cores of its own, one round, × as fast as `nbmake -n 2` with plain kernels (23.6 s): nbmake 1.7
(CPU 3.8 times less), nbmake -n 2 1.9 (2.3), victor-nb run 2.0 (4.7), victor-nb run -j 2 3.3 (4.6); 0.36 to 0.71 s a
notebook. What is left under nbmake are pytest's imports in each process and a fixed wait of jupyter_client.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import nbformat
from _harness import ROOT, SUPPORT, Samples, ratios, table

sys.path.insert(0, str(SUPPORT))
from support.llm_server import LLMServer

NBMAKE = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "--nbmake")
RUN = ("-m", "victor_nb.testing.command_line.main", "run", ".")
WAYS = {
    "nbmake -n 2, plain": (*NBMAKE, "-n", "2", "-o", "victor_kernels=plain"),
    "nbmake, plain": (*NBMAKE, "-o", "victor_kernels=plain"),
    "nbmake -n 2, fork": (*NBMAKE, "-n", "2"),
    "nbmake, fork": NBMAKE,
    "victor-nb run": RUN,
    "victor-nb run -j 2": (*RUN, "-j", "2"),
}
BASELINE = "nbmake -n 2, plain"
CELLS = (
    "%load_ext victor_nb\n%victor use {url}#m",
    """
import pandas as pd
import victor_nb as vn

weather = pd.DataFrame({"city": ["Bergen", "Lisbon", "Nairobi"] * 4, "rain_mm": range(12)})

@vn.tool
def average(column: str, by: str) -> pd.DataFrame:
    "The mean of a column, for each value of another."
    return weather.groupby(by, as_index=False)[column].mean()
""",
    "%%victor\nWhat is in {{ weather }}?",
    "%%victor -o answer\nUse average and tell me where it rains most, please ({name}).",
    "assert answer.content.startswith('It rains most'), answer.content\nanswer.tool_calls",
    "vn.analytics.turns()[['turn_index', 'status', 'tool_calls', 'input_tokens', 'output_tokens']]",
    "vn.analytics.summary(by='model')",
    "import matplotlib.pyplot as plt\nplt.plot(weather['rain_mm']);",
)


@dataclass(frozen=True)
class Cost:
    """Seconds."""

    wall: float
    cpu: float


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--notebooks", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    options = parser.parse_args()
    with notebooks(options.notebooks) as folder:
        wall, cpu = measured(folder, options.ways, options.rounds)
    times, works = ratios(wall, BASELINE), ratios(cpu, BASELINE)
    rows = [
        (
            way,
            statistics.median(wall[way]),
            statistics.median(wall[way]) / options.notebooks,
            1 / times[way],
            statistics.median(cpu[way]),
            1 / works[way],
        )
        for way in options.ways
    ]
    head = ["", "wall s", "s a notebook", "× as fast", "CPU s", "× less CPU"]
    table(f"{options.notebooks} notebooks that chat", head, rows)


def measured(folder: Path, ways: Sequence[str], rounds: int) -> tuple[Samples, Samples]:
    """Wall and CPU seconds of each way, one figure a round, after one run that only warms the caches of the disk."""
    wall: Samples = {way: [] for way in ways}
    cpu: Samples = {way: [] for way in ways}
    run(folder, *NBMAKE)
    for number in range(rounds):
        for way in ways if number % 2 else reversed(ways):
            cost = run(folder, *WAYS[way])
            wall[way].append(cost.wall)
            cpu[way].append(cost.cpu)
    return wall, cpu


@contextmanager
def notebooks(count: int) -> Iterator[Path]:
    """A folder with recorded notebooks, which differ in what they ask."""
    with tempfile.TemporaryDirectory() as path:
        folder = Path(path)
        server = LLMServer()
        server.reply("Twelve rows, three cities.")
        server.reply(tool_calls=[("average", {"column": "rain_mm", "by": "city"})])
        server.reply("It rains most in Nairobi. " * 20)
        write(folder / "notebook_00.ipynb", server.openai_url)
        run(folder, *NBMAKE, "--victor=record", "notebook_00.ipynb")
        server.close()
        write(folder / "notebook_00.ipynb", "http://127.0.0.1:9/v1")
        recorded = (folder / "cassettes" / "notebook_00.json").read_text()
        for number in range(1, count):
            name = f"notebook_{number:02}"
            write(folder / f"{name}.ipynb", "http://127.0.0.1:9/v1")
            (folder / "cassettes" / f"{name}.json").write_text(recorded.replace("notebook_00", name))
        yield folder


def write(path: Path, url: str) -> None:
    sources = [source.replace("{url}", url).replace("{name}", path.stem).strip() for source in CELLS]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, path)


def run(folder: Path, *arguments: str) -> Cost:
    """
    Raises:
        RuntimeError: not all have passed.
    """
    own = {"HOME": str(folder), "IPYTHONDIR": str(folder / ".ipython"), "PYTHONPATH": str(ROOT)}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("VICTOR_") and name != "CI"}
    command = [sys.executable, *arguments]
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, cwd=folder, env=kept | own, capture_output=True, text=True, check=False)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode or "were not forked" in done.stdout:
        raise RuntimeError(done.stdout + done.stderr)
    return Cost(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


if __name__ == "__main__":
    main()
