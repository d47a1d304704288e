"""Fair comparisons on a busy machine: contenders take turns in short blocks, and what is reported is the median of
their blocks and of the ratios within a round, so that drift cancels. Knows nothing of what is compared.
"""

from __future__ import annotations

import gc
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
SUPPORT = ROOT / "tests"
"""The folder that holds `support`, whose servers and kernels the benchmarks use."""

Samples = dict[str, list[float]]


def cpu_of_blocks(contenders: Mapping[str, Callable[[], object]], *, rounds: int, per_block: int) -> Samples:
    """CPU ms of the whole process (all threads) per item, one figure a round for each contender. A contender is
    called once a block and does `per_block` items; its first block is not counted."""
    samples: Samples = {name: [] for name in contenders}
    for number in range(rounds + 1):
        names = list(contenders) if number % 2 else list(reversed(contenders))
        for name in names:
            gc.collect()
            began = time.process_time()
            contenders[name]()
            if number:
                samples[name].append((time.process_time() - began) * 1000 / per_block)
    return samples


async def repeated(step: Callable[[], Awaitable[object]], count: int) -> None:
    """`step` awaited `count` times, one after the other."""
    for _ in range(count):
        await step()


def ratios(samples: Samples, baseline: str) -> dict[str, float]:
    """The median over the rounds of each contender's figure over the baseline's of the same round."""
    return {
        name: statistics.median(own / other for own, other in zip(found, samples[baseline], strict=True))
        for name, found in samples.items()
    }


def percentile(values: Sequence[float], percent: int) -> float:
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)]


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows under their heads; numbers to three significant digits."""
    cells = [list(head), *([_text(value) for value in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    print(f"\n{title}")
    for row in cells:
        first, *others = (
            text.ljust(width) if not n else text.rjust(width)
            for n, (text, width) in enumerate(zip(row, widths, strict=True))
        )
        print("  ".join(["", first, *others]).rstrip())


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 100 else f"{value:,.0f}"
    return str(value)


def in_fresh_process(script: str, **values: str) -> Any:
    """What a new Python prints as its last line, as JSON. `values` replace `{name}` in the script."""
    with tempfile.TemporaryDirectory() as folder:
        own = {"HOME": folder, "IPYTHONDIR": f"{folder}/ipython", "VICTOR_HOME": f"{folder}/victor"}
        command = [sys.executable, "-c", script.format(**values)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder, env=os.environ | own)
    return json.loads(done.stdout.splitlines()[-1])


@contextmanager
def child_server(command: Sequence[str]) -> Iterator[str]:
    """A server in a process of its own, so that its CPU is not ours. It prints its port first and ends with its
    standard input. Gives the URL for OpenAI clients."""
    process = subprocess.Popen(
        [sys.executable, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert process.stdin
    assert process.stdout
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait(10)
