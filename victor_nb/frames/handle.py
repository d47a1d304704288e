"""`Analytics`, what users know as `victor_nb.analytics`: one method a frame. It asks for the store at every call, so
it can be made before there is one, and flushes it, so that a frame right after a chat holds that chat.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from victor_nb.errors import UsageError, VictorError, did_you_mean
from victor_nb.frames import columns, pairing
from victor_nb.frames.losses import loss_proof
from victor_nb.frames.scope import Scope, scope_of

if TYPE_CHECKING:
    import pandas as pd

    from victor_nb.frames.plots import Plots
    from victor_nb.protocols import IEventStore

log = logging.getLogger(__name__)
FLUSH_TIMEOUT_S: Final = 10.0


class Analytics:
    """What happened, as DataFrames, oldest row first.

    Every frame is about this notebook: the runs of its kernels that the store remembers, or, where the notebook's
    path is unknown, this kernel alone. `notebook="other.ipynb"` asks for another one, `all=True` for the whole store,
    `session=` for one session of them. Dtypes are the same for an empty frame; what is unknown is NA. Ids and
    names are `string`, counts `Int64`, seconds and dollars `Float64`, times `datetime64[us, UTC]`.
    `frame.attrs["victor"]` tells whether events were lost: `accepted`, `stored`, `gaps`, `flushed`.

    Every method raises `UsageError` for a notebook that the store does not know, and `StoreError` for a store that
    cannot be read.
    """

    def __init__(
        self, store_getter: Callable[[], IEventStore], notebook_getter: Callable[[], str | None] = lambda: None
    ) -> None:
        self._store_getter = store_getter
        self._notebook_getter = notebook_getter

    def __repr__(self) -> str:
        return "<Analytics: .turns() .requests() .tool_calls() .compactions() .sessions() .events() .summary(by=)>"

    def _repr_html_(self) -> str | None:
        """IPython's hook: the dashboard; None, which shows the plain repr, when it cannot be drawn."""
        from victor_nb.frames.dashboard import render

        try:
            return render(self)
        except VictorError:
            return None
        except Exception:
            log.exception("the dashboard could not be drawn")
            return None

    @property
    def plot(self) -> Plots:
        """Figures of what the frames hold, one method each: `plot.tokens()`, `plot.cost()`, …"""
        from victor_nb.frames.plots import Plots

        return Plots(self)

    def events(
        self,
        *,
        session: str | None = None,
        notebook: str | None = None,
        type: str | Sequence[str] | None = None,
        all: bool = False,
    ) -> pd.DataFrame:
        """One row per event, of one `type` or several if given.

        `data` is JSON text: it can be grouped, compared and saved in any format, which dictionaries cannot.
        `pd.json_normalize(frame["data"].map(json.loads).tolist())` makes columns of it.

        Raises:
            UsageError: there is no event type of that name.
        """
        from victor_nb.frames.tables import to_frame

        types = _checked_types([type] if isinstance(type, str) else type or ())
        scope, flushed = self._scope(session, notebook, all)
        rows = pairing.Rows(events=scope.read(*types))
        return _proven(to_frame(rows, columns.EVENTS), scope, flushed)

    def turns(self, *, session: str | None = None, notebook: str | None = None, all: bool = False) -> pd.DataFrame:
        """One row per turn: a question, and all that was done to answer it.

        `status` is ok, error or interrupted; NA while the turn runs. A turn whose kernel was killed is interrupted,
        and what only its end would have told (tokens, cost, durations) is NA. `tags` is JSON text.
        """
        scope, flushed = self._scope(session, notebook, all)
        return _proven(_turns(scope), scope, flushed)

    def requests(self, *, session: str | None = None, notebook: str | None = None, all: bool = False) -> pd.DataFrame:
        """One row per request to a model; a turn that calls tools has several. `purpose` is chat or compaction."""
        return self._pairs("model_request", "request_id", columns.REQUESTS, self._scope(session, notebook, all))

    def tool_calls(self, *, session: str | None = None, notebook: str | None = None, all: bool = False) -> pd.DataFrame:
        """One row per tool call. `approved_by` is NA when no approval was needed."""
        return self._pairs("tool_call", "tool_call_id", columns.TOOL_CALLS, self._scope(session, notebook, all))

    def compactions(
        self, *, session: str | None = None, notebook: str | None = None, all: bool = False
    ) -> pd.DataFrame:
        """One row per compaction of a context. `outcome` is completed, noop or failed."""
        from victor_nb.frames.tables import to_frame

        scope, flushed = self._scope(session, notebook, all)
        rows = pairing.single(scope.read("compaction"))
        return _proven(to_frame(rows, columns.COMPACTIONS), scope, flushed)

    def sessions(self, *, session: str | None = None, notebook: str | None = None, all: bool = False) -> pd.DataFrame:
        """One row per session, with the totals of its turns (tokens and cost as in `summary`).

        `ended` is clean, killed or open. `kernel_run_id` and `notebook` are those of its latest kernel run,
        `kernel_runs` counts them.
        """
        from victor_nb.frames.sessions import SESSION_EVENTS, session_frame

        scope, flushed = self._scope(session, notebook, all)
        runs = {run.id: run for run in scope.runs}
        return _proven(session_frame(scope.read(*SESSION_EVENTS), _turns(scope), runs), scope, flushed)

    def summary(
        self,
        by: str | Sequence[str] = "model",
        *,
        session: str | None = None,
        notebook: str | None = None,
        all: bool = False,
    ) -> pd.DataFrame:
        """Turns added up by one or several columns of `turns()`: counts, tokens, cost, percentiles of durations.

        `cost_usd` adds the prices that are known and is NA when none is; `cost_unknown` counts the turns whose
        price is not. Turns of the demo model (`usage_source` "unmeasured") count as turns and in the durations, but
        not in the tokens, `cost_usd` or `cost_unknown`: no model has seen those tokens.

        Raises:
            UsageError: turns have no column of that name.
        """
        from victor_nb.frames.summary import summarise

        scope, flushed = self._scope(session, notebook, all)
        return _proven(summarise(_turns(scope), by), scope, flushed)

    def _scope(self, session: str | None, notebook: str | None, everything: bool) -> tuple[Scope, bool]:
        store = self._store_getter()
        flushed = store.flush(FLUSH_TIMEOUT_S)
        here = self._notebook_getter()
        return scope_of(store, here, session=session, notebook=notebook, everything=everything), flushed

    def _pairs(
        self, prefix: str, id_field: str, wanted: Sequence[columns.Column], within: tuple[Scope, bool]
    ) -> pd.DataFrame:
        from victor_nb.frames.tables import to_frame

        scope, flushed = within
        return _proven(to_frame(_pairs(scope, prefix, id_field), wanted), scope, flushed)


def _turns(scope: Scope) -> pd.DataFrame:
    from victor_nb.frames.tables import to_frame

    return to_frame(_pairs(scope, "turn", "turn_id"), columns.TURNS)


def _pairs(scope: Scope, prefix: str, id_field: str) -> pairing.Rows:
    rows = pairing.paired(scope.read(f"{prefix}_started", f"{prefix}_completed"), id_field)
    runs = {run.id: run for run in scope.runs}
    pairing.mark_interrupted(rows, runs, lambda: {event.turn_id for event in scope.read("turn_completed")})
    return rows


def _proven(frame: pd.DataFrame, scope: Scope, flushed: bool) -> pd.DataFrame:
    frame.attrs["victor"] = loss_proof(scope.store, scope.runs, flushed=flushed)
    return frame


def _checked_types(types: Sequence[str]) -> Sequence[str]:
    from victor_nb.events import PAYLOADS

    for name in types:
        if name not in PAYLOADS and not name.startswith("x_"):
            raise UsageError(
                f"there is no event type {name!r}.{did_you_mean(name, PAYLOADS)}",
                hint=f"a user's own begin with x_; the others are {', '.join(PAYLOADS)}",
            )
    return types
