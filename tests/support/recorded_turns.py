"""A store with as many turns as a test wants, recorded as the orchestrator records them, without a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from victor_nb.store import SQLiteStore

STARTED: dict[str, Any] = {
    "cell_id": None,
    "execution_count": None,
    "notebook": None,
    "model": None,
    "provider": None,
    "streamed": True,
    "prompt_chars": 3,
    "prompt_sha256": "",
    "tags": {},
}
COMPLETED: dict[str, Any] = {
    "status": "ok",
    "error_type": None,
    "model": "m",
    "provider": "p",
    "duration_s": 2.0,
    "time_to_first_token_s": 0.5,
    "model_time_s": 2.0,
    "tool_time_s": 0.0,
    "overhead_s": 0.0,
    "requests": 1,
    "tool_calls": 0,
    "retries": 0,
    "compactions": 0,
    "context_tokens": 100,
    "context_fraction": 0.01,
    "response_chars": 3,
    "response_sha256": "",
    "finish_reason": "stop",
    "input_tokens": 100,
    "output_tokens": 20,
    "cache_read_tokens": 0,
    "cache_write_tokens": 0,
    "reasoning_tokens": None,
    "usage_source": "reported",
    "cost_usd": 0.001,
    "cost_source": "test",
}


def record_turn(store: SQLiteStore, number: int = 1, *, session: str = "s", **values: Any) -> str:
    """Record one turn; `values` replace those of either event, `completed=False` leaves it running. Its id."""
    turn_id = f"{session}-{number}"
    begun = {name: values.pop(name) for name in STARTED.keys() & values.keys() - COMPLETED.keys()}
    store.append("turn_started", session, {**STARTED, **begun, "turn_id": turn_id, "turn_index": number})
    if values.pop("completed", True):
        store.append("turn_completed", session, {**COMPLETED, **values, "turn_id": turn_id})
    return turn_id


def store_of(*turns: Mapping[str, Any]) -> SQLiteStore:
    """A store in memory with one turn for each of `turns`."""
    store = SQLiteStore()
    for number, values in enumerate(turns, 1):
        record_turn(store, number, **values)
    return store
