"""`Analytics`, what users know as `victor_nb.analytics`: one method a frame. It asks for the store at every call, so
it can be made before there is one, and flushes it, so that a frame right after a chat holds that chat.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Unpack

from victor_nb.errors import VictorError
from victor_nb.frames.filters import Filters, filter_of, takes_filters
from victor_nb.frames.losses import loss_proof
from victor_nb.frames.names import FRAMES, check_frame, checked_types
from victor_nb.frames.scope import Scope, scope_of

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from victor_nb.frames.build import Request
    from victor_nb.frames.dashboard import Dashboard
    from victor_nb.frames.plots import Plots
    from victor_nb.protocols import IEventStore

log = logging.getLogger(__name__)
FLUSH_TIMEOUT_S: Final = 10.0


class Analytics:
    """What happened, as DataFrames, oldest row first.

    Every frame is about this notebook: the runs of its kernels that the store remembers, or, where the notebook's
    path is unknown, this kernel alone. All take the same keyword arguments:

    - `notebook="other.ipynb"`: another notebook; `all=True`: the whole store; `session=`: one session of them
    - `since=`, `until=`: rows that began at or after the one and before the other. A datetime, a date (its midnight),
      ISO text, "today", "yesterday", or a time back from now: a timedelta, "90 min", "2h", "7 days". Without a zone
      the local one is meant
    - `tags={"variant": "A"}`: turns with these tags, and what belongs to such turns; a list means any of its values
    - `where=`: rows of which this is true. A mapping of columns to values (a list: any of them, None: unknown), or an
      expression of columns and constants such as `"cost_usd > 0.01 and status == 'ok'"` with arithmetic, comparisons,
      `in`, `and`, `or`, `not`, and `cost_usd is None` for what is unknown
    - `newest_first=True`; `limit=`: so many rows from the top

    Dtypes are the same for an empty frame; what is unknown is NA. Ids and names are `string`, counts `Int64`, seconds
    and dollars `Float64`, times `datetime64[us, UTC]`. `frame.attrs["victor"]` tells whether events were lost:
    `accepted`, `stored`, `pruned`, `gaps`, `flushed`, and what became of them at every exporter.

    Every method raises `UsageError` for an argument that cannot be used, such as a notebook that the store does not
    know, and `StoreError` for a store that cannot be read.
    """

    def __init__(
        self, store_getter: Callable[[], IEventStore], notebook_getter: Callable[[], str | None] = lambda: None
    ) -> None:
        self._store_getter = store_getter
        self._notebook_getter = notebook_getter

    def __repr__(self) -> str:
        frames = " ".join(f".{name}()" for name in FRAMES)
        return f"<Analytics: {frames} .summary(by=) .dashboard() .plot .to_parquet(path)>"

    def _repr_html_(self) -> str | None:
        """IPython's hook: the dashboard, or why there is none; None, which shows the plain repr, when that failed."""
        from victor_nb.frames.dashboard import render_error

        try:
            return self.dashboard().html
        except VictorError as error:
            return render_error(error)
        except Exception:
            log.exception("the dashboard could not be drawn")
            return None

    @property
    def store(self) -> IEventStore:
        """Where the events are."""
        return self._store_getter()

    @property
    def plot(self) -> Plots:
        """Figures of what the frames hold, one method each: `plot.tokens()`, `plot.cost()`, …"""
        from victor_nb.frames.plots import Plots

        return Plots(self)

    @takes_filters
    def events(
        self, *, type: str | Sequence[str] | None = None, content: bool = False, **filters: Unpack[Filters]
    ) -> pd.DataFrame:
        """One row per event, of one `type` or several if given.

        `data` is JSON text: it can be grouped, compared and saved in any format, which dictionaries cannot.
        `pd.json_normalize(frame["data"].map(json.loads).tolist())` makes columns of it. `content=True` adds what
        people wrote and models answered, as JSON text.

        Raises:
            UsageError: there is no event type of that name.
        """
        return self._frame("events", filters, content=content, types=checked_types(type))

    @takes_filters
    def turns(self, *, content: bool = False, expand_tags: bool = False, **filters: Unpack[Filters]) -> pd.DataFrame:
        """One row per turn: a question, and all that was done to answer it.

        `status` is ok, error or interrupted; NA while the turn runs. A turn whose kernel was killed is interrupted,
        and what only its end would have told (tokens, cost, durations) is NA. `score` and `label` are those of the
        latest feedback. `tags` is JSON text; `expand_tags=True` adds a `string` column `tag_<name>` for each tag.
        `content=True` adds `prompt`, `response` and `error`.
        """
        return self._frame("turns", filters, content=content, expand_tags=expand_tags)

    @takes_filters
    def requests(self, *, content: bool = False, **filters: Unpack[Filters]) -> pd.DataFrame:
        """One row per request to a model; a turn that calls tools has several. `purpose` is chat or compaction.
        `content=True` adds the text of the `error`."""
        return self._frame("requests", filters, content=content)

    @takes_filters
    def tool_calls(self, *, content: bool = False, **filters: Unpack[Filters]) -> pd.DataFrame:
        """One row per tool call. `approved_by` is NA when no approval was needed. `content=True` adds `arguments` and
        `result`."""
        return self._frame("tool_calls", filters, content=content)

    @takes_filters
    def compactions(self, **filters: Unpack[Filters]) -> pd.DataFrame:
        """One row per compaction of a context. `outcome` is completed, noop or failed."""
        return self._frame("compactions", filters)

    @takes_filters
    def feedback(self, *, content: bool = False, **filters: Unpack[Filters]) -> pd.DataFrame:
        """One row per rating that was given to a turn. `content=True` adds the `note`."""
        return self._frame("feedback", filters, content=content)

    @takes_filters
    def sessions(self, **filters: Unpack[Filters]) -> pd.DataFrame:
        """One row per session, with the totals of its turns (tokens and cost as in `summary`).

        `ended` is clean, killed or open. `kernel_run_id` and `notebook` are those of its latest kernel run,
        `kernel_runs` counts them. With `tags=`, sessions that have such turns, and totals of these.
        """
        return self._frame("sessions", filters)

    @takes_filters
    def exports(self, **filters: Unpack[Filters]) -> pd.DataFrame:
        """The ledger of deliveries: one row per exporter, kernel run and unbroken stretch of its events that are
        `delivered`, `pending` or `dead` (refused by the destination for good).

        `events` counts them, from `first_seq` to `last_seq`; events of other coordinators (`channel`) lie between.
        Delivered events that are no longer stored have no `seq`. Filters of turns (`session`, `tags`) do not apply.
        """
        return self._frame("exports", filters)

    @takes_filters
    def summary(self, by: str | Sequence[str] | None = "model", **filters: Unpack[Filters]) -> pd.DataFrame:
        """Turns added up by one or several columns of `turns()`: counts, tokens, cost, percentiles of durations.
        Besides, `by` takes `"tag:variant"`, and `"day"` and `"hour"` (in UTC). Without it there is one row.

        `cost_usd` adds the prices that are known and is NA when none is; `cost_unknown` counts the turns whose
        price is not. Turns of the demo model (`usage_source` "unmeasured") count as turns and in the durations, but
        not in the tokens, `cost_usd` or `cost_unknown`: no model has seen those tokens. `score` is the mean of the
        turns that were rated.

        Raises:
            UsageError: turns have no column of that name.
        """
        from victor_nb.frames.summary import summarise

        request = self._request(filters)
        return _proven(summarise(request, by), request.scope)

    @takes_filters
    def dashboard(self, *, model: str | Sequence[str] | None = None, **filters: Unpack[Filters]) -> Dashboard:
        """Key figures, charts and tables of the turns, of one `model` or several if given: as the value of a cell, and
        with `.to_html(path)` as a page of its own. `limit=` is the latest so many turns.

        The key figures count all turns that fit; the charts show the latest 1,000 of them. Tokens, prices and times
        that are unknown are counted as unknown, never as zero.
        """
        from victor_nb.frames.dashboard import Dashboard, told

        models = [model] if isinstance(model, str) else list(model or ())
        request = self._request(filters)
        request = replace(request, filter=replace(request.filter, models=tuple(models)))
        return Dashboard.of(request, told(models, filters))

    @takes_filters
    def to_arrow(
        self, frame: str, *, content: bool = False, expand_tags: bool = False, **filters: Unpack[Filters]
    ) -> pa.Table:
        """One of the frames as an Arrow table; the proof of losses is in its metadata, under `victor`, as JSON.

        Raises:
            UsageError: there is no frame of that name.
        """
        from victor_nb.frames.output import with_proof

        request = self._request(filters, content=content, expand_tags=expand_tags)
        return with_proof(_table(frame, request), loss_proof(request.scope))

    @takes_filters
    def to_polars(
        self, frame: str, *, content: bool = False, expand_tags: bool = False, **filters: Unpack[Filters]
    ) -> pl.DataFrame:
        """One of the frames for Polars.

        Raises:
            UsageError: there is no frame of that name.
            MissingExtraError: polars is not installed.
        """
        from victor_nb.frames.output import to_polars

        return to_polars(_table(frame, self._request(filters, content=content, expand_tags=expand_tags)))

    @takes_filters
    def to_parquet(
        self,
        path: str | os.PathLike[str],
        frame: str | Sequence[str] | None = None,
        *,
        content: bool = False,
        expand_tags: bool = False,
        **filters: Unpack[Filters],
    ) -> list[Path]:
        """Write frames into the folder `path`, as `turns.parquet` and so on: all of them, or those that are named.
        A path that ends in `.parquet` is the file for the one that is named. The paths of what was written.

        `pandas.read_parquet` gives the same dtypes and `attrs` again. A file is replaced only by a whole one.

        Raises:
            UsageError: there is no frame of that name, or `path` is one file and the frames are several.
        """
        from victor_nb.frames.output import write_parquet

        names = [frame] if isinstance(frame, str) else frame or FRAMES
        for name in names:
            check_frame(name)
        options = {"content": content, "expand_tags": expand_tags}
        return write_parquet(path, names, lambda name: self._frame(name, filters, **options))

    def _frame(self, name: str, filters: Filters, **options: Any) -> pd.DataFrame:
        from victor_nb.frames.arrow import to_pandas

        request = self._request(filters, **options)
        return _proven(to_pandas(_table(name, request)), request.scope)

    def _request(self, filters: Mapping[str, Any], **options: Any) -> Request:
        from victor_nb.frames.build import Request

        filter = filter_of(filters)
        store = self._store_getter()
        scope = scope_of(store, self._notebook_getter(), filter, patience_s=FLUSH_TIMEOUT_S)
        return Request(scope, filter, **options)


def _table(name: str, request: Request) -> pa.Table:
    from victor_nb.frames import build, sessions

    check_frame(name)
    return getattr(sessions if name == "sessions" else build, name)(request)


def _proven(frame: pd.DataFrame, scope: Scope) -> pd.DataFrame:
    frame.attrs["victor"] = loss_proof(scope)
    return frame
