"""What a list of sessions says of each without reading it: how many turns and messages, and how it began.

It follows the operations of a conversation as they are kept; `context/journal.py` says what these are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

_LONGEST: Final = 80


@dataclass(frozen=True, slots=True)
class _Turn:
    turn_id: str | None
    messages: int
    prompt: str | None


class Tally:
    """The turns that stand."""

    def __init__(self) -> None:
        self._turns: list[_Turn] = []

    def add(self, operation: Mapping[str, Any]) -> None:
        """Count what an operation does; of one that is of no known form nothing."""
        if operation.get("kind") == "reset":
            self._turns.clear()
        elif operation.get("kind") == "turn":
            messages = [item["message"] for item in operation.get("items", ()) if "message" in item]
            prompts = (message.get("content") for message in messages if message.get("role") == "user")
            self._put(
                _Turn(operation.get("turn_id"), len(messages), next(prompts, None)), operation.get("replaces", ())
            )

    def _put(self, turn: _Turn, replaced: Any) -> None:
        places = [place for place, old in enumerate(self._turns) if old.turn_id is not None and old.turn_id in replaced]
        kept = [old for place, old in enumerate(self._turns) if place not in places]
        kept.insert(places[0] if places else len(kept), turn)
        self._turns = kept

    def to_json(self) -> str:
        """The summary that is stored with a session."""
        first = next((turn.prompt for turn in self._turns if turn.prompt is not None), None)
        turns = sum(turn.turn_id is not None for turn in self._turns)
        messages = sum(turn.messages for turn in self._turns)
        return json.dumps({"turns": turns, "messages": messages, "first_prompt": first and shortened(first)})


def shortened(text: str) -> str:
    """One line of at most 80 characters."""
    line = " ".join(text[: 4 * _LONGEST].split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
