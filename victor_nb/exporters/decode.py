"""Stored events as the `AnalyticsEvent`s that exporters and users see."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable

from victor_nb.protocols import AnalyticsEvent, StoredEvent

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def decode(events: Iterable[StoredEvent], *, include_content: bool) -> list[AnalyticsEvent]:
    """Every event anew, so that a caller that changes one harms nobody else."""
    return [_decoded(event, include_content) for event in events]


def _decoded(event: StoredEvent, include_content: bool) -> AnalyticsEvent:
    data = json.loads(event.data)
    if include_content and event.content:
        data |= json.loads(event.content)
    return AnalyticsEvent.model_construct(
        id=event.id,
        seq=event.seq,
        kernel_run_id=event.kernel_run_id,
        session_id=event.session_id,
        type=event.type,
        timestamp=_EPOCH + dt.timedelta(microseconds=event.timestamp_us),
        data=data,
    )
