"""Writes into a store the events that a chat would record, with payloads as `victor_nb.events` types them."""

from __future__ import annotations

from typing import Any

from victor_nb.frames.columns import TURNS
from victor_nb.messages import new_id
from victor_nb.protocols import IEventStore

TURN_COLUMNS = [column.name for column in TURNS]
TOKENS = {
    "input_tokens": 100,
    "output_tokens": 20,
    "cache_read_tokens": 60,
    "cache_write_tokens": 0,
    "reasoning_tokens": None,
    "usage_source": "reported",
    "cost_usd": 0.5,
    "cost_source": "genai-prices",
}
TURN = {"cell_id": "c1", "execution_count": 3, "notebook": "a.ipynb", "model": "m", "provider": "p", "streamed": True}
TURN_END = {
    "status": "ok",
    "error_type": None,
    "model": "m",
    "provider": "p",
    "duration_s": 2.0,
    "time_to_first_token_s": 0.25,
    "model_time_s": 1.5,
    "tool_time_s": 0.25,
    "overhead_s": 0.25,
    "requests": 1,
    "tool_calls": 0,
    "retries": 0,
    "compactions": 0,
    "context_tokens": 120,
    "context_fraction": 0.01,
    "response_chars": 80,
    "finish_reason": "stop",
    **TOKENS,
}
REQUEST = {"purpose": "chat", "model": "m", "provider": "p"}
REQUEST_START = {**REQUEST, "temperature": 0.5, "max_tokens": None, "messages": 2, "tools": 1}
REQUEST_END = {
    **REQUEST,
    "status": "ok",
    "error_type": None,
    "http_status": 200,
    "attempts": 1,
    "finish_reason": "stop",
    "duration_s": 1.5,
    "time_to_first_token_s": 0.25,
    **TOKENS,
}
TOOL_END = {
    "status": "ok",
    "error_type": None,
    "approved_by": None,
    "duration_s": 0.25,
    "args_bytes": 8,
    "result_bytes": 30,
    "truncated": False,
    "repeated": False,
}
COMPACTION = {
    "trigger": "threshold",
    "strategy": "RecentMessagesCompactionStrategy",
    "outcome": "completed",
    "tokens_before": 900,
    "tokens_after": 300,
    "messages_removed": 12,
    "repaired": False,
    "undone": False,
    "error_type": None,
}


def turn(store: IEventStore, session: str = "s", *, tags: dict[str, Any] | None = None, **end: Any) -> str:
    """A whole turn; `end` replaces fields of its completion. Its turn id."""
    turn_id = start_turn(store, session, tags=tags, model=end.get("model", "m"))
    store.append("turn_completed", session, {"turn_id": turn_id, **TURN_END, **end})
    return turn_id


def start_turn(store: IEventStore, session: str = "s", **start: Any) -> str:
    turn_id = new_id()
    payload = {"turn_id": turn_id, "turn_index": 1, "prompt_chars": 40, **TURN, **start}
    store.append("turn_started", session, {**payload, "tags": payload.get("tags") or {}})
    return turn_id


def request(store: IEventStore, turn_id: str, session: str = "s", **end: Any) -> None:
    ids = {"turn_id": turn_id, "request_id": new_id()}
    store.append("model_request_started", session, {**ids, **REQUEST_START})
    store.append("model_request_completed", session, {**ids, **REQUEST_END, **end})


def feedback(
    store: IEventStore, turn_id: str, score: float | None, label: str | None = None, note: str | None = None
) -> None:
    given = {"turn_id": turn_id, "score": score, "label": label, "note_chars": len(note or "")}
    store.append("feedback_given", "s", given, {"note": note} if note else None)


def tool_call(store: IEventStore, turn_id: str, call_id: str, session: str = "s", **end: Any) -> None:
    ids = {"turn_id": turn_id, "tool_call_id": call_id, "tool": "lookup"}
    store.append("tool_call_started", session, {**ids, "args_bytes": 8})
    store.append("tool_call_completed", session, {**ids, **TOOL_END, **end})
