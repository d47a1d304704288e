"""What a `{{ table }}` in a question costs, as a ratio to pandas' own `describe(include="all")` of the same table, and
how much text it is. Target: at most a fifth of `describe()` at ten million rows, and less than a second.

    python benchmarks/views.py

Measured 2026-11-28, 2 cores, shared by eight, five columns: pandas 0.11 (93 ms), polars 0.02, an array 0.02; at a
thousand rows pandas 0.37 (1.3 ms), and 0.78 where a table is still looked at whole. About 670 tokens at any size.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
import polars as pl
from _harness import ROOT, table

sys.path.insert(0, str(ROOT))

from victor_nb.context.tokens import estimate_text
from victor_nb.notebook.variables.views import view


def frame_of(rows: int) -> pd.DataFrame:
    random = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "id": np.arange(rows),
            "price": random.normal(size=rows),
            "city": random.choice(["Oslo", "Bergen", "Lisbon"], rows),
            "day": pd.date_range("2020", periods=rows, freq="s"),
            "note": pd.Series(random.choice(["a", "b"], rows), dtype=object),
        }
    )


def seconds(call: Callable[[], object]) -> float:
    spent: list[float] = []
    for _ in range(3):
        began = time.process_time()
        call()
        spent.append(time.process_time() - began)
    return min(spent)


def main() -> None:
    view(frame_of(30))  # the first one imports
    rows: list[list[str]] = []
    for size in (1_000, 100_000, 1_000_000, 10_000_000):
        frame = frame_of(size)
        described = seconds(partial(frame.describe, include="all"))
        for name, value in (("pandas", frame), ("polars", pl.from_pandas(frame)), ("numpy", frame["price"].to_numpy())):
            text = view(value).text
            took = seconds(partial(view, value))
            rows.append(
                [f"{size:,}", name, f"{took * 1000:.1f}", f"{took / described:.3f}", f"{estimate_text(text):,}"]
            )
    table("a view against describe()", ["rows", "of", "CPU ms", "× describe()", "tokens (about)"], rows)


if __name__ == "__main__":
    main()
