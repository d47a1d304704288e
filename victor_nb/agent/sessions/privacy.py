"""What of a conversation may be kept when only redacted texts may: messages, arguments and digests without personal
data, and neither pictures nor the provider's own form of a message, in which nothing can be taken out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from victor_nb.context.steps import DIGEST_MARK
from victor_nb.messages import JsonValue

_DROPPED: Final = ("images", "wire", "metadata")
Redact = Callable[[str], str]


def redacted(operation: Mapping[str, Any], redact: Redact) -> dict[str, JsonValue]:
    """A copy of the operation with `redact` applied to all that people, models and tools have written."""
    found = dict(operation)
    if "items" in found:
        found["items"] = [_item(item, redact) for item in found["items"]]
    if "compaction" in found:
        found["compaction"] = _compaction(found["compaction"], redact)
    return cast("dict[str, JsonValue]", found)


def without_views(operation: Mapping[str, Any]) -> dict[str, JsonValue]:
    """A copy whose compactions are on record and change no view: what they were made of is not what they follow."""
    found = dict(operation)
    if "items" in found:
        found["items"] = [
            {"compaction": _without_view(item["compaction"])} if "compaction" in item else item
            for item in found["items"]
        ]
    if "compaction" in found:
        found["compaction"] = _without_view(found["compaction"])
    return cast("dict[str, JsonValue]", found)


def _without_view(compaction: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in compaction.items() if name != "view"}


def _item(item: Mapping[str, Any], redact: Redact) -> dict[str, Any]:
    if "message" in item:
        return {"message": _message(item["message"], redact)}
    return {"compaction": _compaction(item["compaction"], redact)}


def _message(message: Mapping[str, Any], redact: Redact) -> dict[str, Any]:
    found = {name: value for name, value in message.items() if name not in _DROPPED}
    if message.get("metadata", {}).get(DIGEST_MARK) is True:
        found["metadata"] = {DIGEST_MARK: True}  # else it would be read back as something that the user said
    found["content"] = redact(found["content"])
    if "tool_calls" in found:
        found["tool_calls"] = [{**call, "arguments": redact(call["arguments"])} for call in found["tool_calls"]]
    return found


def _compaction(compaction: Mapping[str, Any], redact: Redact) -> dict[str, Any]:
    compaction = {**compaction, "note": redact(compaction.get("note", ""))}
    if compaction.get("view") is None:
        return compaction
    return {**compaction, "view": [_entry(entry, redact) for entry in compaction["view"]]}


def _entry(entry: Any, redact: Redact) -> Any:
    if isinstance(entry, str):
        return entry
    if "message" in entry:
        return {"message": _message(entry["message"], redact)}
    return {**entry, "content": redact(entry["content"])}
