"""What was asked in some turns and why they failed, as it was captured, without reading those of all others."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, NamedTuple

from victor_nb.frames.payloads import payload
from victor_nb.records import EventQuery

if TYPE_CHECKING:
    from victor_nb.frames.scope import Scope


class TurnText(NamedTuple):
    """None where it was not captured, or there is none."""

    prompt: str | None = None
    error: str | None = None


def turn_texts(scope: Scope, turn_ids: Collection[str]) -> Mapping[str, TurnText]:
    """Those of these turns that the scope has.

    Raises:
        StoreError: the store cannot be read.
    """
    query = scope.query(["turn_started", "turn_completed"])
    places = [place for place, turn_id in scope.rows(query, ["position", "turn_id"]) if turn_id in turn_ids]
    found: dict[str, TurnText] = {}
    for event in scope.store.read(EventQuery(positions=places)) if places else ():
        content, before = payload(event.content or "{}"), found.get(str(event.turn_id), TurnText())
        told = {name: text for name in TurnText._fields if isinstance(text := content.get(name), str)}
        found[str(event.turn_id)] = before._replace(**told)
    return found
