"""`victor_nb.analytics.plot`: figures of what the frames hold. Each asks for a frame and has it drawn; how is in the
`plots_*` modules, which import matplotlib and are themselves imported by the first plot.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Unpack

from victor_nb.errors import MissingExtraError
from victor_nb.frames.filters import Filters, takes_filters

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from victor_nb.frames.handle import Analytics


class Plots:
    """One method a figure. Each takes the filters of the frames (`session=`, `notebook=`, `since=`, `tags=`, …) and
    returns a `matplotlib.figure.Figure`: the last line of a cell shows it, `figure.savefig("tokens.svg")` keeps it.

    `by=` is a column, several, or a tag as in `"tag:variant"`: one bar for each of its values, the twelve largest.
    Without it turns are drawn in their order, and gathered when there are more than sixty. What is unknown is said to
    be, and never drawn as 0.

    Every method raises `MissingExtraError` without matplotlib, and `UsageError` for a column or a filter's value that
    does not exist.
    """

    def __init__(self, analytics: Analytics) -> None:
        self._analytics = analytics

    def __repr__(self) -> str:
        return "<Plots: .tokens() .cost() .latency() .tools() .context()>"

    @takes_filters
    def tokens(self, by: str | Sequence[str] | None = None, **filters: Unpack[Filters]) -> Figure:
        """Input tokens (the part from the provider's cache apart) and output tokens of each turn, or in total by
        group."""
        _check_matplotlib()
        from victor_nb.frames.plots_turns import draw_tokens

        return draw_tokens(self._analytics.turns(**filters), by)

    @takes_filters
    def cost(self, by: str | Sequence[str] | None = None, **filters: Unpack[Filters]) -> Figure:
        """US dollars of each turn, or in total by group. A turn of unknown price is a cross, not a bar of 0."""
        _check_matplotlib()
        from victor_nb.frames.plots_turns import draw_cost

        return draw_cost(self._analytics.turns(**filters), by)

    @takes_filters
    def latency(self, by: str | Sequence[str] | None = None, **filters: Unpack[Filters]) -> Figure:
        """Seconds until the first token and until the whole answer; by group the median and its spread."""
        _check_matplotlib()
        from victor_nb.frames.plots_turns import draw_latency

        return draw_latency(self._analytics.turns(**filters), by)

    @takes_filters
    def tools(self, by: str | Sequence[str] = "tool", **filters: Unpack[Filters]) -> Figure:
        """How often each tool was called and how that ended. `by=` takes columns of `tool_calls()`."""
        _check_matplotlib()
        from victor_nb.frames.plots_work import draw_tools

        return draw_tools(self._analytics.tool_calls(**filters), by)

    @takes_filters
    def context(self, by: str | Sequence[str] | None = None, **filters: Unpack[Filters]) -> Figure:
        """Tokens of context that each turn sent, a line a session, with the turns in which it was compacted."""
        _check_matplotlib()
        from victor_nb.frames.plots_work import draw_context

        return draw_context(self._analytics.turns(**filters), self._analytics.compactions(**filters), by)


def _check_matplotlib() -> None:
    try:
        import matplotlib  # noqa: F401  # pyright: ignore[reportUnusedImport]
    except ImportError:
        raise MissingExtraError("plots need matplotlib.", hint='pip install "victor-nb[lab]"') from None
