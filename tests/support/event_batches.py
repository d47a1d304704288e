"""Events as an exporter is given them, without a store: `batch(3)` for three of one kernel run."""

from __future__ import annotations

import datetime as dt
from typing import Any

from victor_nb.messages import new_id
from victor_nb.protocols import AnalyticsEvent

RUN = "0199f000-0000-7000-8000-000000000001"
BEGAN = dt.datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=dt.UTC)


def event(seq: int = 1, type: str = "x_test", data: dict[str, Any] | None = None, **others: Any) -> AnalyticsEvent:
    own: dict[str, Any] = {"id": new_id(), "kernel_run_id": RUN, "session_id": "s", "timestamp": BEGAN}
    return AnalyticsEvent(**own | {"seq": seq, "type": type, "data": data or {}} | others)


def batch(count: int, *, first: int = 1, **others: Any) -> list[AnalyticsEvent]:
    return [event(seq, **others) for seq in range(first, first + count)]
