"""What analytics have recorded of a session's turns that its messages do not tell: which model answered, at what cost,
and how tool calls ended. Nothing of it is there where analytics are off, or were pruned.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from victor_nb.messages import ChatResponse, ToolResult, Usage
from victor_nb.protocols import EventQuery, IEventStore


@dataclass
class TurnFacts:
    """`answers` by turn id, without their text; `calls` by their own id, without what was passed and what came."""

    answers: dict[str, ChatResponse] = field(default_factory=dict[str, ChatResponse])
    calls: dict[str, ToolResult] = field(default_factory=dict[str, ToolResult])

    @classmethod
    def read(cls, store: IEventStore, session_id: str, limit: int | None = None) -> TurnFacts:
        """Of the last `limit` turns and tool calls. Blocks; raises StoreError when the store cannot be read."""
        store.flush(2.0)
        types = ("turn_completed", "tool_call_completed")
        found = cls()
        for event in store.read(EventQuery(session_id=session_id, types=types, newest_first=True, limit=limit)):
            data = json.loads(event.data)
            if event.type == "tool_call_completed":
                call = _call(data)
                found.calls[call.id] = call
            elif event.turn_id:
                found.answers[event.turn_id] = _answer(session_id, event.turn_id, data)
        return found


def _answer(session_id: str, turn_id: str, data: Mapping[str, Any]) -> ChatResponse:
    source = data.get("usage_source") or "unmeasured"
    usage = Usage(
        data.get("input_tokens") or 0,
        data.get("output_tokens") or 0,
        data.get("cache_read_tokens") or 0,
        source=cast("Any", source),
    )
    return ChatResponse(
        "",
        usage,
        data.get("model") or "",
        data.get("provider") or "",
        session_id,
        turn_id,
        status=cast("Any", data.get("status") or "ok"),
        cost_usd=data.get("cost_usd"),
        duration_s=data.get("duration_s") or 0.0,
    )


def _call(data: Mapping[str, Any]) -> ToolResult:
    status, duration = cast("Any", data.get("status") or "ok"), data.get("duration_s") or 0.0
    return ToolResult(str(data.get("tool_call_id")), str(data.get("tool")), "", "", status, duration)
