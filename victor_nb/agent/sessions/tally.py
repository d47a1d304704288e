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
    """The turns that stand, and their sums."""

    def __init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self._passages: list[_Turn] = []
        self._known: set[str] = set()
        self._messages = 0
        self._between = 0

    @property
    def needed(self) -> int:
        """How many operations would make the same conversation."""
        return len(self._passages) + self._between

    def add(self, operation: Mapping[str, Any]) -> None:
        """Count what an operation does; of one that is of no known form nothing."""
        if operation.get("kind") == "reset":
            self._clear()
        elif operation.get("kind") == "compaction":
            self._between += 1
        elif operation.get("kind") == "turn":
            messages = [item["message"] for item in operation.get("items", ()) if "message" in item]
            prompts = (message.get("content") for message in messages if message.get("role") == "user")
            turn = _Turn(operation.get("turn_id"), len(messages), next(prompts, None))
            self._put(turn, self._known.intersection(operation.get("replaces", ())))

    def _put(self, turn: _Turn, replaced: set[str]) -> None:
        place = len(self._passages)
        if replaced:
            place = next(n for n, old in enumerate(self._passages) if old.turn_id in replaced)
            self._messages -= sum(old.messages for old in self._passages if old.turn_id in replaced)
            self._passages = [old for old in self._passages if old.turn_id not in replaced]
            self._known -= replaced
        self._passages.insert(place, turn)
        self._messages += turn.messages
        if turn.turn_id is not None:
            self._known.add(turn.turn_id)

    def to_json(self) -> str:
        """The summary that is stored with a session."""
        first = next((turn.prompt for turn in self._passages if turn.prompt is not None), None)
        known = {"turns": len(self._known), "messages": self._messages}
        return json.dumps({**known, "first_prompt": None if first is None else shortened(first)})


def shortened(text: str) -> str:
    """One line of at most 80 characters."""
    line = " ".join(text[: 4 * _LONGEST].split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
