"""A recorded answer: what the model said, in the pieces in which it came, and what it was reported to cost."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any, Final, get_args

from victor_nb.messages import JsonValue, Message, ModelDelta, ModelReply, ToolCall, Usage, UsageSource, new_id
from victor_nb.testing.cassettes.redaction import Redaction, at_home
from victor_nb.testing.cassettes.sent import arguments_of, call_form
from victor_nb.testing.cassettes.talk import JsonMap, canonical

_TEXT, _REASONING, _CALL = "t", "r", "c"
_ALWAYS: Final = ("model", "provider", "usage")
_UNCOUNTED: Final = asdict(Usage())
_PIECE: Final = re.compile(r"[tr]\d{1,9}|c")


@dataclass(frozen=True)
class Timing:
    """Seconds from the request to the first piece and to the end; with `None` it was not streamed."""

    first_s: float | None
    whole_s: float

    @property
    def parts(self) -> tuple[float, float]:
        """Until the first piece, and from there to the end; what was not streamed came all at once."""
        first = self.whole_s if self.first_s is None else min(self.first_s, self.whole_s)
        return first, self.whole_s - first


@dataclass(frozen=True)
class Answer:
    """`pieces` are the lengths of what streamed in, in characters, each behind a letter: `t` text, `r` reasoning, `c`
    the start of a call. `reply.message` has no wire form: it is sent again as our own fields have it."""

    reply: ModelReply
    timing: Timing
    pieces: tuple[str, ...] = ()

    @classmethod
    def of(cls, reply: ModelReply, deltas: Sequence[ModelDelta], timing: Timing, redaction: Redaction) -> Answer:
        """As it may be stored. An answer out of which a secret was taken is given back in one piece."""
        text, thought = redaction.text(reply.message.content), redaction.text(reply.reasoning)
        calls = tuple(_call(call_form(one.name, one.arguments, redaction)) for one in reply.message.tool_calls)
        names: dict[str, Any] = {
            name: told and redaction.text(told)
            for name in ("model", "provider", "finish_reason", "cost_source")
            if isinstance(told := getattr(reply, name), str)
        }
        clean = replace(reply, message=Message("assistant", text, calls), reasoning=thought, **names)
        same = (text, thought) == (reply.message.content, reply.reasoning)
        return cls(clean, timing, tuple(_pieces(deltas)) if same and _is_whole(clean, deltas) else ())

    @cached_property
    def words(self) -> str:
        """What it says and calls, as one text."""
        return canonical([self.reply.message.content, _calls_of(self.reply.message)])

    def says_the_same(self, other: Answer) -> bool:
        """Words and calls; not how long they took, or how much of the request was cached."""
        return self.words == other.words

    def timed_as(self, other: Answer) -> Answer:
        """This one in the pieces and the time of another that says the same."""
        return replace(
            self, reply=replace(self.reply, reasoning=other.reply.reasoning), timing=other.timing, pieces=other.pieces
        )

    def deltas(self) -> Iterator[ModelDelta]:
        """What streamed in, piece by piece."""
        text, reasoning = iter(self.reply.message.content), iter(self.reply.reasoning)
        names = iter(self.reply.message.tool_calls)
        for piece in self.pieces or self._whole():
            kind, size = piece[0], int(piece[1:] or 0)
            if kind == _CALL:
                yield from (ModelDelta(tool_name=call.name) for call in itertools.islice(names, 1))
            elif kind == _REASONING:
                yield ModelDelta(reasoning=at_home("".join(itertools.islice(reasoning, size))))
            else:
                yield ModelDelta(text=at_home("".join(itertools.islice(text, size))))

    def _whole(self) -> Iterator[str]:
        for kind, text in ((_REASONING, self.reply.reasoning), (_TEXT, self.reply.message.content)):
            if text:
                yield f"{kind}{len(text)}"
        yield from [_CALL] * len(self.reply.message.tool_calls)

    def given(self) -> ModelReply:
        """The reply to hand on, as a message of its own, with calls that no other has."""
        calls = tuple(
            replace(call, id=f"call_{new_id().replace('-', '')}", arguments=at_home(call.arguments, in_json=True))
            for call in self.reply.message.tool_calls
        )
        message = Message("assistant", at_home(self.reply.message.content), calls)
        return replace(self.reply, message=message, reasoning=at_home(self.reply.reasoning))

    def to_json(self) -> JsonMap:
        reply, usage = self.reply, asdict(self.reply.usage)
        found: JsonMap = {
            "text": reply.message.content,
            "reasoning": reply.reasoning,
            "calls": [
                {"name": call.name, "arguments": arguments_of(call.arguments)} for call in reply.message.tool_calls
            ],
            "model": reply.model,
            "provider": reply.provider,
            "finish_reason": reply.finish_reason,
            "usage": {name: value for name, value in usage.items() if value != _UNCOUNTED[name]},
            "cost_usd": reply.cost_usd,
            "cost_source": reply.cost_source,
            "first_s": self.timing.first_s,
            "whole_s": self.timing.whole_s,
            "pieces": " ".join(self.pieces),
        }
        return {name: value for name, value in found.items() if name in _ALWAYS or value not in ("", None, [])}

    @classmethod
    def from_json(cls, data: JsonMap) -> Answer:
        """
        Raises:
            ValueError, TypeError, KeyError: it is not of the form that `to_json` gives.
        """
        calls = tuple(_call(one) for one in _list(data.get("calls", [])))
        reply = ModelReply(
            Message("assistant", _words(data.get("text", "")), calls),
            _usage(data["usage"]),
            _words(data["model"]),
            _words(data["provider"]),
            finish_reason=_text(data.get("finish_reason")),
            reasoning=_words(data.get("reasoning", "")),
            cost_usd=_number(data.get("cost_usd")),
            cost_source=_text(data.get("cost_source")),
        )
        pieces = tuple(str(data.get("pieces", "")).split())
        timing = Timing(_number(data.get("first_s")), _number(data.get("whole_s")) or 0.0)
        if not all(_PIECE.fullmatch(piece) for piece in pieces):
            return cls(reply, timing)
        found = cls(reply, timing, pieces)
        return found if _is_whole(reply, list(found.deltas())) else replace(found, pieces=())


def _pieces(deltas: Sequence[ModelDelta]) -> Iterator[str]:
    for delta in deltas:
        if delta.reasoning:
            yield f"{_REASONING}{len(delta.reasoning)}"
        if delta.text:
            yield f"{_TEXT}{len(delta.text)}"
        if delta.tool_name:
            yield _CALL


def _is_whole(reply: ModelReply, deltas: Sequence[ModelDelta]) -> bool:
    """Whether the pieces make the answer: after an edit by hand they need not."""
    return (
        "".join(delta.text for delta in deltas) == reply.message.content
        and "".join(delta.reasoning for delta in deltas) == reply.reasoning
        and sum(bool(delta.tool_name) for delta in deltas) == len(reply.message.tool_calls)
    )


def _call(data: JsonValue) -> ToolCall:
    if not isinstance(data, dict):
        raise TypeError("a call is no object")
    arguments = data.get("arguments", {})
    text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return ToolCall("", _words(data["name"]), text)


def _calls_of(message: Message) -> str:
    return canonical([[call.name, arguments_of(call.arguments)] for call in message.tool_calls])


def _list(value: JsonValue) -> list[JsonValue]:
    if not isinstance(value, list):
        raise TypeError("a list is missing")
    return value


def _words(value: JsonValue) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.40} is no text")
    return value


def _text(value: JsonValue) -> str | None:
    return None if value is None else _words(value)


def _usage(data: JsonValue) -> Usage:
    if not isinstance(data, dict):
        raise TypeError("usage is no object")
    for name, value in data.items():
        if name != "source" and (not isinstance(value, int) or isinstance(value, bool)):
            raise TypeError(f"{name} is no number of tokens")
    found = Usage(**data)  # type: ignore[arg-type]
    if found.source not in get_args(UsageSource):
        raise ValueError(f"there is no source of usage {found.source!r}")
    return found


def _number(value: JsonValue) -> float | None:
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError(f"{value!r:.40} is no number")
    return float(value)
