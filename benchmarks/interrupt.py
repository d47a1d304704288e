"""In a real kernel: how long an interrupt takes until the kernel is idle, over the same for a cell that sleeps: in
mid-answer, while a tool sleeps, of a cell that awaits, and of chatlas where it is installed.

The answer to interrupt streams slowly, and is far from its end, from a loopback server, whose connection has to be
closed then. Target: 0.1 s over the baseline. What streaming costs is in `streaming.py`.

    python benchmarks/interrupt.py

Measured 2026-11-28, 2 cores, shared: in mid-answer 6 ms (worst 54), 26 ms less than the sleeping cell, whose traceback
costs more; while a tool sleeps 5 ms, a cell that awaits 8 ms; chatlas 348 ms (worst 812), 334 over the sleeping cell.
"""

from __future__ import annotations

import importlib.util
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from _harness import SUPPORT, table

sys.path.insert(0, str(SUPPORT))
from support.kernels import CellResult, Kernel, start_kernel
from support.llm_server import LLMServer

ROUNDS = 9
PARAGRAPH = "The column **income** has the most missing values: 312 of 1,000 rows, most of them before 2015. "
CHUNK = 13
CHATLAS = """
import warnings
from chatlas import ChatOpenAICompletions
peer = ChatOpenAICompletions(base_url="{url}", model="m", api_key="none")
"""


class Pace(threading.Event):
    """A gate that opens for one event of the stream every `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds
        self._next = 0.0

    def is_set(self) -> bool:
        due = time.monotonic() >= self._next
        if due:
            self._next = time.monotonic() + self._seconds
        return due


def answer(size: int) -> list[str]:
    """About `size` characters of Markdown in paragraphs, in chunks as a model sends them."""
    paragraph = PARAGRAPH * 4 + "\n\n"
    text = (paragraph * (size // len(paragraph) + 1))[:size]
    return [text[at : at + CHUNK] for at in range(0, size, CHUNK)]


def interrupted_s(kernel: Kernel, source: str, running: Callable[[CellResult], object], error: str) -> float:
    """Seconds from the interrupt of a cell to idle; the cell must fail with `error`."""
    cell = kernel.start(source)
    kernel.wait_until(cell, running)
    began = time.perf_counter()
    kernel.interrupt()
    kernel.wait(cell)
    assert cell.result.error, cell.result
    assert cell.result.error.ename == error, cell.result.error
    return time.perf_counter() - began


def contenders() -> dict[str, tuple[str, str]]:
    """Cells to interrupt, each with the error that it ends in. A cell that waits for a tool is stopped while that
    sleeps, the others in mid-answer."""
    found = {
        "time.sleep(60)": ("import time\nprint('.', flush=True)\ntime.sleep(60)", "KeyboardInterrupt"),
        "%%victor": ("%%victor\nGo on", "AnswerInterrupted"),
        "%%victor, a tool": ("%%victor --tools slow\nRun it", "AnswerInterrupted"),
        "await vn.ask()": ("await vn.ask('Go on')", "CancelledError"),
    }
    if importlib.util.find_spec("chatlas"):
        found["chatlas"] = ("_ = peer.chat('Go on')", "KeyboardInterrupt")
    return found


def interrupts(kernel: Kernel, server: LLMServer) -> None:
    cells = contenders()
    kernel.run("import victor_nb as vn\ndef slow():\n    print('.', flush=True)\n    time.sleep(60)")
    if "chatlas" in cells:
        assert kernel.run(CHATLAS.format(url=server.openai_url), timeout=120).status == "ok"
    taken: dict[str, list[float]] = {name: [] for name in cells}
    for _ in range(ROUNDS):
        for name, (source, error) in cells.items():
            silent = name in ("time.sleep(60)", "%%victor, a tool")
            if name == "%%victor, a tool":
                server.reply(tool_calls=[("slow", {})])
            elif not silent:
                server.reply(chunks=answer(40_000), gate=Pace(0.02))
            running = (lambda seen: seen.stdout) if silent else (lambda seen: len(seen.messages) > 8)
            taken[name].append(interrupted_s(kernel, source, running, error))
            if not silent:
                server.wait_for_disconnect()
                server.disconnected.clear()
    baseline = taken["time.sleep(60)"]
    rows = [
        (
            name,
            statistics.median(found),
            max(found),
            statistics.median(a - b for a, b in zip(found, baseline, strict=True)),
        )
        for name, found in taken.items()
    ]
    table("Kernel interrupt to idle", ["cell", "median s", "worst s", "over sleep, s"], rows)


def main() -> None:
    server = LLMServer()
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            "VICTOR_HOME": folder,
            "VICTOR_BASE_URL": server.openai_url,
            "VICTOR_MODEL": "openai-chat:gpt-5-mini",
        }
        kernel = start_kernel(Path(folder), environment)
        try:
            kernel.run("%load_ext victor_nb")
            warm = kernel.run("%%victor\nHello", timeout=120)
            assert warm.status == "ok", warm
            interrupts(kernel, server)
        finally:
            kernel.close()
            server.close()


if __name__ == "__main__":
    main()
