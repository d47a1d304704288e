"""`analytics.plot`: what the figures show of no turn, one, and ten thousand, and of what is not known."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread
from support.recorded_turns import record_turn, store_of

from victor_nb.errors import UsageError
from victor_nb.frames import Analytics
from victor_nb.frames.plots import Plots

TESTS = Path(__file__).parents[1]
NAMES = ("tokens", "cost", "latency", "tools", "context")


def plots(*turns) -> Plots:
    store = store_of(*turns)
    return Analytics(lambda: store).plot


def said(figure) -> str:
    """All words of a figure that can be seen."""
    figure.canvas.draw()
    return "\n".join(text.get_text() for text in figure.findobj(lambda part: hasattr(part, "get_text")))


def heights(figure) -> list[list[float]]:
    [axes] = figure.axes
    return [[bar.get_height() for bar in stack] for stack in axes.containers]


def widths(figure) -> list[list[float]]:
    return [[bar.get_width() for bar in stack] for stack in figure.axes[0].containers]


@pytest.mark.parametrize("name", NAMES)
def test_of_nothing_there_is_a_figure_that_says_so(name):
    figure = getattr(plots(), name)()
    assert "No turns to show yet." in said(figure) or "No tool was called." in said(figure)
    assert not figure.axes[0].axison


@pytest.mark.parametrize("name", NAMES)
def test_a_figure_shows_itself_as_a_picture(name):
    png, size = getattr(plots({}, {}), name)()._repr_png_()
    pixels = imread(io.BytesIO(png))
    assert pixels.shape[:2] == (2 * size["height"], 2 * size["width"])
    assert pixels[0, 0, :3].tolist() == [1, 1, 1]
    assert len(np.unique(pixels.reshape(-1, pixels.shape[2]), axis=0)) > 5


def test_tokens_of_a_turn_are_stacked():
    figure = plots({"input_tokens": 1000, "cache_read_tokens": 400, "output_tokens": 50}).tokens()
    assert heights(figure) == [[600], [400], [50]]
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == [
        "input",
        "input, from cache",
        "output",
    ]
    assert figure.axes[0].get_ylabel() == "tokens"


def test_ten_thousand_turns_are_gathered_and_none_is_left_out():
    turns = [{"input_tokens": number, "duration_s": number / 1000} for number in range(1, 10_001)]
    many = plots(*turns)
    tokens = many.tokens()
    inputs = np.array(heights(tokens)[0])
    assert len(inputs) <= 60
    assert "mean of 167 turns a bar" in said(tokens)
    sizes = np.minimum(167, 10_000 - 167 * np.arange(len(inputs)))
    assert (inputs * sizes).sum() == pytest.approx(sum(range(1, 10_001)))
    assert all(len(line.get_xdata()) <= 60 for line in many.latency().axes[0].lines)
    assert len(many.cost().axes[0].patches) <= 60
    assert len(many.context()._repr_png_()[0]) < 300_000


def test_an_unknown_price_is_a_cross_and_no_bar():
    figure = plots({"cost_usd": 0.25}, {"cost_usd": None}, {"cost_usd": 0.5}).cost()
    [bars] = heights(figure)
    assert bars[0] == 0.25
    assert np.isnan(bars[1])
    [crosses] = figure.axes[0].lines
    assert list(crosses.get_xdata()) == [2]
    assert r"\$0.75 is known · 1 turn without a known price" in said(figure)


def test_where_no_price_is_known_none_is_shown():
    figure = plots({"cost_usd": None}, {"cost_usd": None}).cost()
    assert "no price is known · 2 turns without a known price" in said(figure)
    assert r"\$" not in said(figure)
    by = plots({"cost_usd": None}).cost(by="model")
    assert " 1 unknown" in said(by)
    assert r"\$" not in said(by)


def test_the_demo_has_no_tokens_and_no_price():
    demo = plots({"usage_source": "unmeasured", "cost_usd": None, "input_tokens": 5})
    for figure in (demo.tokens(), demo.cost()):
        assert "1 turn, all of the demo: it is no model" in said(figure)
    assert "seconds" in said(demo.latency())


def test_a_turn_that_is_not_over_has_no_latency():
    figure = plots({}, {"completed": False}).latency()
    assert "1 turn without a known duration" in said(figure)


def test_totals_by_tag():
    tagged = [{"tags": {"variant": name}, "cost_usd": cost} for name, cost in [("A", 1.0), ("B", 0.25), ("A", 0.5)]]
    figure = plots(*tagged, {"cost_usd": 8.0}).cost(by="tag:variant")
    names = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert dict(zip(names, widths(figure)[0], strict=True)) == {
        "A (n = 2)": 1.5,
        "B (n = 1)": 0.25,
        "(none) (n = 1)": 8,
    }


def test_many_groups_become_twelve():
    many = [{"model": f"m{number}", "input_tokens": 1, "output_tokens": 1} for number in range(40)]
    figure = plots(*many, *many[:11]).tokens(by="model")
    names = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert len(names) == 12
    assert names[-1] == "29 others (n = 29)"
    assert sum(widths(figure)[0]) == 51


@pytest.mark.parametrize("by", ["modle", "tag:varient", "tag_varient"])
def test_a_column_that_does_not_exist_is_refused_with_the_nearest(by):
    with pytest.raises(UsageError, match=r"no column .* Did you mean '(model|tag:variant)'"):
        plots({"tags": {"variant": "A"}}).tokens(by=by)


def test_the_filters_of_the_frames_apply():
    some = plots({"session": "one", "input_tokens": 3}, {"session": "two", "input_tokens": 5})
    assert heights(some.tokens(session="two"))[0] == [5]
    with pytest.raises(UsageError, match="sesion"):
        some.tokens(sesion="two")


def test_tools_by_status():
    store = store_of()
    turn = record_turn(store)
    for number, status in enumerate(["ok", "ok", "error"]):
        identity = {"turn_id": turn, "tool_call_id": f"c{number}", "tool": "add", "args_bytes": 2}
        store.append("tool_call_started", "s", identity)
        store.append("tool_call_completed", "s", {**identity, "status": status, "duration_s": 0.2})
    store.append("tool_call_started", "s", {"turn_id": turn, "tool_call_id": "c9", "tool": "sub", "args_bytes": 2})
    figure = Analytics(lambda: store).plot.tools()
    assert "median 0.2 s" in said(figure)
    legend = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert dict(zip(legend, widths(figure), strict=True))["error"] == [1, 0]
    assert legend[:2] == ["ok", "error"]


def test_context_is_a_line_a_session_with_its_compactions():
    store = store_of()
    for number, tokens in enumerate([100, 200, 80], 1):
        turn = record_turn(store, number, context_tokens=tokens, context_fraction=tokens / 400)
    store.append("compaction", "s", {"turn_id": turn, "compaction_id": "k", "outcome": "completed"})
    record_turn(store, 1, session="other", context_tokens=50)
    figure = Analytics(lambda: store).plot.context()
    lines = {line.get_label(): list(line.get_ydata()) for line in figure.axes[0].lines}
    assert lines == {"s": [100, 200, 80], "other": [50], "compacted": [80]}
    assert "2 sessions · 1 compaction · fullest: 50 % of the window" in said(figure)


def test_names_from_outside_cannot_break_a_figure():
    names = ["$x^{$ \\frac", "a\nb\x07c", "日本 🙂", "", "x" * 300]
    figure = plots(*({"model": name, "tags": {"t": name}} for name in names)).cost(by=["model", "tag:t"])
    assert len(figure._repr_png_()[0]) > 10_000


def test_nothing_of_pyplot_is_touched():
    script = """
import sys
from support.recorded_turns import store_of
from victor_nb.frames import Analytics
store = store_of({}, {})
figure = Analytics(lambda: store).plot.tokens()
assert figure._repr_png_()[0].startswith(b"\\x89PNG")
assert "matplotlib.pyplot" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=TESTS)
    assert done.returncode == 0, done.stderr


def test_without_matplotlib_the_error_has_the_command():
    script = """
import sys
sys.modules["matplotlib"] = None
from victor_nb.errors import MissingExtraError
from victor_nb.frames import Analytics
from victor_nb.store import SQLiteStore
try:
    Analytics(SQLiteStore).plot.tokens()
except MissingExtraError as error:
    print(error.hint)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == 'pip install "victor-nb[lab]"'
