"""In a real kernel: how long an interrupt in mid-answer takes until the kernel is idle, over the same for a cell that
sleeps; and how many bytes of iopub messages an answer streamed into a cell costs, as a multiple of its text.

The answer to interrupt streams slowly, and is far from its end, from a loopback server. Targets: 0.1 s over the
baseline; at most 25 times the text, at 6.5 KB and at 40 KB.

    python benchmarks/interrupt.py

Measured 2026-11-22, 2 cores, shared: 8 ms (worst 10), 0.1 s less than the sleeping cell, whose traceback costs more;
iopub 3.9 and 3.7 times the text when it comes at once, 17 and 15 times at 100 chunks/s.
"""

from __future__ import annotations

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


def interrupts(kernel: Kernel, server: LLMServer) -> None:
    sleeping: list[float] = []
    answering: list[float] = []
    for _ in range(ROUNDS):
        sleeping.append(
            interrupted_s(
                kernel,
                "import time\nprint('.', flush=True)\ntime.sleep(60)",
                lambda seen: seen.stdout,
                "KeyboardInterrupt",
            )
        )
        server.reply(chunks=answer(40_000), gate=Pace(0.02))
        answering.append(
            interrupted_s(kernel, "%%victor\nGo on", lambda seen: len(seen.messages) > 8, "AnswerInterrupted")
        )
        server.wait_for_disconnect()
        server.disconnected.clear()
    over = statistics.median(own - base for own, base in zip(answering, sleeping, strict=True))
    rows = [("time.sleep(60)", statistics.median(sleeping), max(sleeping), 0.0)]
    rows.append(("%%victor in mid-answer", statistics.median(answering), max(answering), over))
    table("Kernel interrupt to idle", ["cell", "median s", "worst s", "over sleep, s"], rows)


def sizes(kernel: Kernel, server: LLMServer) -> None:
    rows: list[tuple[str, int, float]] = []
    for size in (6_500, 40_000):
        chunks = answer(size)
        for seconds in (0.0, 0.01):
            server.reply(chunks=chunks, gate=Pace(seconds))
            seen = kernel.run("%%victor\nTell me more", timeout=120)
            assert seen.status == "ok", seen
            pace = f"{size / 1000:g} KB, " + (f"{1 / seconds:.0f} chunks/s" if seconds else "at once")
            rows.append((pace, seen.iopub_bytes, seen.iopub_bytes / size))
    table("iopub messages of a streamed answer", ["answer", "bytes", "× text"], rows)


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
            sizes(kernel, server)
        finally:
            kernel.close()
            server.close()


if __name__ == "__main__":
    main()
