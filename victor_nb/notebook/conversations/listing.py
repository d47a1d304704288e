"""The messages of a conversation as a DataFrame."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Final

from victor_nb.messages import Message

if TYPE_CHECKING:
    import pandas as pd

    from victor_nb.context.conversation import Conversation

COLUMNS: Final = {
    "number": "Int64",
    "turn": "Int64",
    "role": "string",
    "text": "string",
    "tokens": "Int64",
    "sent": "string",
    "pinned": "boolean",
    "message_id": "string",
}


def listed(conversation: Conversation, messages: Iterable[Message], texts: Iterable[str] = ()) -> pd.DataFrame:
    """A row per message, with its number in the log and that of its turn (from 1); with `texts` in place of theirs."""
    numbers = {message.id: number for number, message in enumerate(conversation.log)}
    turns = {turn_id: number for number, turn_id in enumerate(conversation.turn_ids, 1)}
    sent = {message.id: message for message in conversation.view}
    return frame_of(
        {
            "number": numbers.get(message.id),
            "turn": turns.get(message.turn_id or ""),
            "role": message.role,
            "text": said(message) if text is None else text,
            "tokens": conversation.meter.share(conversation.cost([message])),
            "sent": _sent(message, sent.get(message.id)),
            "pinned": message.pinned,
            "message_id": message.id,
        }
        for message, text in zip_longest(messages, texts)
    )


def frame_of(rows: Iterable[dict[str, Any]], columns: dict[str, str] = COLUMNS) -> pd.DataFrame:
    """With these columns and dtypes, also when there is no row."""
    import pandas as pd

    return pd.DataFrame(list(rows), columns=list(columns)).astype(columns)


def said(message: Message) -> str:
    """Its text, and the tool calls that it makes."""
    calls = (f"{call.name}({call.arguments})" for call in message.tool_calls)
    return "\n".join(part for part in (message.content, *calls) if part)


def _sent(message: Message, shown: Message | None) -> str:
    if shown is None:
        return "no"
    return "whole" if shown.content == message.content else "shortened"
