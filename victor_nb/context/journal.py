"""What a conversation is made of, as JSON: operations, the messages in them, and compactions.

An operation is an object with a `kind`:

| kind | other keys |
|---|---|
| `turn` | `turn_id` (null: logged between turns), `key`, `execution`, `replaces` (turn ids), `items`, `counter` |
| `compaction` | `compaction`: one made between turns |
| `undo` | `compaction_id` |
| `pin` | `message_id`, `pinned` |
| `reset` | |

An item is `{"message": …}` or `{"compaction": …}`. A compaction holds its record and, where it changed the view,
`view`: the id of each message that stayed, `{"id", "content"}` for one that was shortened, `{"message": …}` for a
digest. A message holds its fields that are not empty; `images` in base64, `wire` as the model library's own JSON.
"""

from __future__ import annotations

import base64
import math
from collections import ChainMap
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, TypeAlias, cast

from victor_nb.context.compaction import CompactionRecord
from victor_nb.context.meter import Calibration
from victor_nb.errors import SessionError
from victor_nb.messages import Image, JsonValue, Message, ToolCall

Operation: TypeAlias = dict[str, JsonValue]
WireToJson: TypeAlias = Callable[[Any], JsonValue]
WireFromJson: TypeAlias = Callable[[JsonValue], Any]
Entry: TypeAlias = str | Message
"""Of a compacted view: the id of a message of the log, or a message as the compaction made it."""


@dataclass(frozen=True, slots=True)
class Folding:
    """A compaction: its record, and the view that it left. `view` is None when that stayed as it was."""

    record: CompactionRecord
    view: tuple[Entry, ...] | None


Item: TypeAlias = Message | Folding


@dataclass(slots=True)
class Passage:
    """A turn, or (with no `turn_id`) what stands between turns: messages and compactions in order.

    `key` and `execution` name the cell that it came from and one run of it; `began` and `ended` are what the meter
    had learned by then.
    """

    turn_id: str | None = None
    key: str | None = None
    execution: str | None = None
    replaces: tuple[str, ...] = ()
    items: list[Item] = field(default_factory=list[Item])
    began: Calibration | None = None
    ended: Calibration | None = None

    @property
    def messages(self) -> list[Message]:
        return [item for item in self.items if isinstance(item, Message)]


def _learned(calibration: Calibration | None) -> dict[str, JsonValue] | None:
    """`dataclasses.asdict` would take as long as all the rest of a turn's operation."""
    return calibration and {name: getattr(calibration, name) for name in Calibration.__slots__}


class JournalCodec:
    """Writes and reads operations. Without the hooks a message's `wire` is not kept."""

    def __init__(self, wire_to_json: WireToJson | None = None, wire_from_json: WireFromJson | None = None) -> None:
        self._wire_to_json = wire_to_json
        self._wire_from_json = wire_from_json

    def encode(self, message: Message) -> dict[str, JsonValue]:
        """The message as a JSON object."""
        calls = [{"id": call.id, "name": call.name, "arguments": call.arguments} for call in message.tool_calls]
        images = [
            {"data": base64.b64encode(image.data).decode(), "media_type": image.media_type}
            | ({"description": image.description} if image.description else {})
            for image in message.images
        ]
        found: dict[str, Any] = {
            "tool_calls": calls,
            "tool_call_id": message.tool_call_id,
            "tool_name": message.tool_name,
            "pinned": message.pinned,
            "turn_id": message.turn_id,
            "metadata": plain(message.metadata),
            "images": images,
            "wire": self._wire_to_json(message.wire) if self._wire_to_json and message.wire is not None else None,
        }
        filled = {name: value for name, value in found.items() if value not in (None, [], {}, False)}
        return {"id": message.id, "role": message.role, "content": message.content, **filled}

    def decode(self, data: Mapping[str, Any]) -> Message:
        """The message again.

        Raises:
            KeyError, TypeError, ValueError: it is none.
        """
        wire = data.get("wire")
        return Message(
            role=data["role"],
            content=data["content"],
            tool_calls=tuple(
                ToolCall(call["id"], call["name"], call["arguments"]) for call in data.get("tool_calls", ())
            ),
            tool_call_id=data.get("tool_call_id"),
            tool_name=data.get("tool_name"),
            pinned=data.get("pinned", False),
            id=data["id"],
            turn_id=data.get("turn_id"),
            metadata=data.get("metadata", {}),
            wire=self._wire_from_json(wire) if self._wire_from_json and wire is not None else None,
            images=tuple(
                Image(base64.b64decode(image["data"]), image["media_type"], image.get("description", ""))
                for image in data.get("images", ())
            ),
        )

    def encode_passage(self, passage: Passage, known: Mapping[str, Message]) -> Operation:
        """The operation that logs the passage; `known` are the messages of the log by id."""
        if passage.turn_id is None and len(passage.items) == 1 and isinstance(passage.items[0], Folding):
            return {"kind": "compaction", "compaction": self.encode_folding(passage.items[0], known)}
        found: dict[str, Any] = {
            "key": passage.key,
            "execution": passage.execution,
            "replaces": list(passage.replaces),
            "counter": [_learned(calibration) for calibration in (passage.began, passage.ended)],
        }
        items = [self._encode_item(item, known) for item in passage.items]
        filled = {name: value for name, value in found.items() if value not in (None, [], [None, None])}
        return {"kind": "turn", "turn_id": passage.turn_id, **filled, "items": cast("JsonValue", items)}

    def decode_passage(self, operation: Mapping[str, Any], known: Mapping[str, Message]) -> Passage:
        """
        Raises:
            SessionError: the operation is not of a kind, or not of a form, that this version knows.
        """
        try:
            if operation["kind"] == "compaction":
                return Passage(items=[self._decode_folding(operation["compaction"], known)])
            began, ended = (learned and Calibration(**learned) for learned in operation.get("counter", (None, None)))
            passage = Passage(
                operation["turn_id"],
                operation.get("key"),
                operation.get("execution"),
                tuple(operation.get("replaces", ())),
                began=began,
                ended=ended,
            )
            seen = ChainMap[str, Message]({}, cast("dict[str, Message]", known))
            for data in operation["items"]:
                passage.items.append(self._decode_item(data, seen))
        except (KeyError, TypeError, ValueError) as error:
            raise unreadable(f"{type(error).__name__}: {error}") from error
        return passage

    def encode_folding(self, folding: Folding, known: Mapping[str, Message]) -> dict[str, JsonValue]:
        record: dict[str, JsonValue] = asdict(folding.record)
        if folding.view is None:
            return record
        return {**record, "view": [self._encode_entry(entry, known) for entry in folding.view]}

    def _encode_entry(self, entry: Entry, known: Mapping[str, Message]) -> JsonValue:
        if isinstance(entry, str):
            return entry
        original = known.get(entry.id)
        if original is None:
            return {"message": self.encode(entry)}
        shortened: dict[str, JsonValue] = {"id": entry.id, "content": entry.content}
        return {**shortened, "images": False} if original.images and not entry.images else shortened

    def _decode_folding(self, data: Mapping[str, Any], known: Mapping[str, Message]) -> Folding:
        record = CompactionRecord(**{name: value for name, value in data.items() if name != "view"})
        view: Sequence[Any] | None = data.get("view")
        return Folding(record, None if view is None else tuple(self._decode_entry(entry, known) for entry in view))

    def _decode_entry(self, data: Any, known: Mapping[str, Message]) -> Entry:
        if isinstance(data, str):
            return known[data].id
        if "message" in data:
            return self.decode(data["message"])
        return shortened(known[data["id"]], data["content"], keep_images=data.get("images", True))

    def _encode_item(self, item: Item, known: Mapping[str, Message]) -> dict[str, JsonValue]:
        if isinstance(item, Message):
            return {"message": self.encode(item)}
        return {"compaction": self.encode_folding(item, known)}

    def _decode_item(self, data: Mapping[str, Any], seen: MutableMapping[str, Message]) -> Item:
        if "compaction" in data:
            return self._decode_folding(data["compaction"], seen)
        message = self.decode(data["message"])
        seen[message.id] = message
        return message


def shortened(message: Message, content: str, *, keep_images: bool = True) -> Message:
    """The message with another text; the provider's own form would bring the long one back."""
    return replace(message, content=content, wire=None, images=message.images if keep_images else ())


def unreadable(detail: str) -> SessionError:
    return SessionError(
        f"a stored conversation cannot be read ({detail}).",
        hint="It may have been written by a newer victor_nb: update, or use another session.",
    )


def plain(value: Any) -> Any:
    """`value` as JSON: what a strategy puts into the metadata of its messages may be anything."""
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in cast("Sequence[Any]", value)]
    if value is None or isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return str(value)
