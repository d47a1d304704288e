"""Events as the spans of OpenTelemetry: a trace for each turn, in it the turn's requests and tool calls.

A span is made of the event that ends it, with ids that follow from the event's own, so that an event that comes again
makes the same span again. What only the beginning knew is remembered, if it was seen. Names come from `genai`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

from victor_nb.exporters import genai
from victor_nb.exporters.measurements import error_type, is_measured, number
from victor_nb.protocols import AnalyticsEvent

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.trace import SpanContext

Data: TypeAlias = Mapping[str, Any]
Value: TypeAlias = "str | bool | int | float | list[str]"
_Part: TypeAlias = Literal["turn", "model_request", "tool_call"]
_IDS: dict[_Part, str] = {"turn": "turn_id", "model_request": "request_id", "tool_call": "tool_call_id"}
_MOST_OPEN = 1_000


@dataclass
class _Open:
    """What has begun and not ended: events by what they begin; by session its turn, and when it was last heard of."""

    begun: OrderedDict[tuple[str, ...], AnalyticsEvent] = field(
        default_factory=OrderedDict[tuple[str, ...], AnalyticsEvent]
    )
    turns: OrderedDict[str, tuple[AnalyticsEvent, dt.datetime]] = field(
        default_factory=OrderedDict[str, tuple[AnalyticsEvent, dt.datetime]]
    )

    def copy(self) -> _Open:
        return _Open(self.begun.copy(), self.turns.copy())

    def begin(self, part: _Part, event: AnalyticsEvent) -> None:
        self.begun[_key(part, event)] = event
        if part == "turn":
            self.turns[event.session_id] = event, event.timestamp
        for known in (self.begun, self.turns):
            while len(known) > _MOST_OPEN:
                known.popitem(last=False)

    def end(self, part: _Part, event: AnalyticsEvent) -> AnalyticsEvent | None:
        """The event that began what `event` ends."""
        if part == "turn":
            self.turns.pop(event.session_id, None)
        return self.begun.pop(_key(part, event), None)

    def heard_of(self, event: AnalyticsEvent) -> None:
        turn = self.turns.get(event.session_id)
        if turn and turn[0].data.get("turn_id") == event.data.get("turn_id"):
            self.turns[event.session_id] = turn[0], event.timestamp

    def cut_off(self, event: AnalyticsEvent) -> AnalyticsEvent | None:
        """The end of a turn that was still open when its session went on or ended, as when its kernel was killed."""
        turn = self.turns.get(event.session_id)
        if turn is None or turn[0].data.get("turn_id") == event.data.get("turn_id"):
            return None
        begun, last = turn
        duration_s = max(0.0, (last - begun.timestamp).total_seconds())
        ended = {**begun.data, "status": "interrupted", "duration_s": duration_s}
        return begun.model_copy(update={"timestamp": max(last, begun.timestamp), "data": ended})


class SpanMaker:
    """Makes spans of events, with prompts and answers if `include_content`. `resource_of` a kernel run is what its
    spans are of."""

    def __init__(
        self, scope: InstrumentationScope, resource_of: Callable[[str], Resource], *, include_content: bool
    ) -> None:
        self._scope = scope
        self._resource_of = resource_of
        self._include_content = include_content
        self._open = _Open()
        self._open_after = self._open

    def spans(self, events: Iterable[AnalyticsEvent]) -> list[ReadableSpan]:
        """The spans that end with `events`. They are made again as long as nobody calls `keep`."""
        self._open_after = self._open.copy()
        return [span for event in events for span in self._ended(event, self._open_after)]

    def keep(self) -> None:
        """What `spans` made last has arrived."""
        self._open = self._open_after

    def _ended(self, event: AnalyticsEvent, open_now: _Open) -> Iterator[ReadableSpan]:
        if event.type in ("turn_started", "session_ended") and (cut := open_now.cut_off(event)):
            yield self._span("turn", cut, open_now.end("turn", cut))
        open_now.heard_of(event)
        part, _, moment = event.type.rpartition("_")
        if part in _IDS and moment == "started":
            open_now.begin(part, event)
        elif part in _IDS and moment == "completed":
            yield self._span(part, event, open_now.end(part, event))

    def _span(self, part: _Part, event: AnalyticsEvent, begun: AnalyticsEvent | None) -> ReadableSpan:
        from opentelemetry.sdk.trace import ReadableSpan
        from opentelemetry.trace import SpanKind

        attributes = self._attributes(part, event, begun.data if begun else {}, event.data)
        end_ns, turn_id = _nanoseconds(event), event.data.get("turn_id")
        trace = str(turn_id or event.data.get("request_id"))  # what is asked between turns has a trace of its own
        root = _context(trace, "turn")
        return ReadableSpan(
            name=_name(part, attributes),
            context=root if part == "turn" else _context(trace, event.id),
            parent=None if part == "turn" or turn_id is None else root,
            resource=self._resource_of(event.kernel_run_id),
            attributes=attributes,
            kind=SpanKind.CLIENT if part == "model_request" else SpanKind.INTERNAL,
            status=self._status(event.data),
            start_time=end_ns - int((number(event.data, "duration_s") or 0.0) * 1e9),
            end_time=end_ns,
            instrumentation_scope=self._scope,
        )

    def _attributes(self, part: _Part, event: AnalyticsEvent, begun: Data, data: Data) -> dict[str, Value]:
        given: dict[str, object] = {
            genai.OPERATION_NAME: genai.OPERATIONS[part],
            genai.CONVERSATION_ID: event.session_id,
            genai.ERROR_TYPE: error_type(data),
        }
        given |= {"turn": _turn, "model_request": _request, "tool_call": _tool_call}[part](begun, data)
        if self._include_content:
            given |= {"turn": _said, "model_request": _nothing, "tool_call": _passed}[part](begun, data)
        return {name: value for name, item in given.items() if (value := _value(item)) is not None}

    def _status(self, data: Data) -> Any:
        from opentelemetry.trace.status import Status, StatusCode

        if error_type(data) is None:
            return Status(StatusCode.UNSET)
        said = str(data.get("error") or "") if self._include_content else ""
        return Status(StatusCode.ERROR, _text(said) or None)


def _turn(begun: Data, data: Data) -> dict[str, object]:
    tags = cast("dict[str, object]", begun.get("tags") or {})
    return {
        genai.AGENT_NAME: genai.AGENT,
        genai.PROVIDER_NAME: _provider(data),
        genai.REQUEST_MODEL: data.get("model"),
        genai.RESPONSE_FINISH_REASONS: _listed(data.get("finish_reason")),
        genai.CONVERSATION_COMPACTED: True if data.get("compactions") else None,
        **_usage(data, genai.USAGE_INPUT_TOKENS, genai.USAGE_OUTPUT_TOKENS),
        **_own(begun, "turn_index", "cell_id", "execution_count", "notebook"),
        **_own(data, "status", "cost_usd", "requests", "tool_calls", "retries", "context_tokens"),
        **{f"victor.tag.{name}": value for name, value in tags.items()},
    }


def _request(begun: Data, data: Data) -> dict[str, object]:
    return {
        genai.PROVIDER_NAME: _provider(data),
        genai.REQUEST_MODEL: begun.get("model") or data.get("model"),
        genai.REQUEST_TEMPERATURE: begun.get("temperature"),
        genai.REQUEST_MAX_TOKENS: begun.get("max_tokens"),
        genai.REQUEST_STREAM: True if data.get("time_to_first_token_s") is not None else None,
        genai.RESPONSE_MODEL: data.get("model") if data.get("status") == "ok" else None,
        genai.RESPONSE_FINISH_REASONS: _listed(data.get("finish_reason")),
        genai.RESPONSE_TIME_TO_FIRST_CHUNK: data.get("time_to_first_token_s"),
        "http.response.status_code": data.get("http_status"),
        **_usage(data, *_USAGE.values()),
        **_own(data, "purpose", "attempts", "cost_usd", "usage_source"),
    }


def _tool_call(begun: Data, data: Data) -> dict[str, object]:
    return {
        genai.TOOL_NAME: data.get("tool"),
        genai.TOOL_TYPE: genai.FUNCTION,
        genai.TOOL_CALL_ID: data.get("tool_call_id"),
        **_own(data, "status", "approved_by", "args_bytes", "result_bytes", "truncated", "repeated"),
    }


def _said(begun: Data, data: Data) -> dict[str, object]:
    return {
        genai.INPUT_MESSAGES: _message("user", begun.get("prompt")),
        genai.OUTPUT_MESSAGES: _message("assistant", data.get("response")),
    }


def _passed(begun: Data, data: Data) -> dict[str, object]:
    return {
        genai.TOOL_CALL_ARGUMENTS: begun.get("arguments"),
        genai.TOOL_CALL_RESULT: data.get("result"),
    }


def _nothing(begun: Data, data: Data) -> dict[str, object]:
    return {}


def _message(role: str, text: object) -> str | None:
    """One message as the conventions' JSON schema has it."""
    if not isinstance(text, str):
        return None
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": _text(text)}]}], ensure_ascii=False)


_USAGE = {
    name: genai.FIELDS[name]
    for name in ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens")
}


def _usage(data: Data, *attributes: str) -> dict[str, object]:
    if not is_measured(data):
        return {}
    return {attribute: data.get(field) for field, attribute in _USAGE.items() if attribute in attributes}


def _own(data: Data, *fields: str) -> dict[str, object]:
    return {f"victor.{field}": data.get(field) for field in fields}


def _provider(data: Data) -> str | None:
    provider = data.get("provider")
    return genai.provider_name(str(provider)) if provider else None


def _listed(reason: object) -> list[str] | None:
    return [_text(str(reason))] if reason else None


def _value(given: object) -> Value | None:
    """What an attribute can hold: no None, no number beyond 64 bits, no half of a surrogate pair."""
    if given is None or isinstance(given, bool | float | list):
        return given  # pyright: ignore[reportUnknownVariableType]
    if isinstance(given, int):
        return given if -(2**63) <= given < 2**63 else str(given)
    return _text(given if isinstance(given, str) else json.dumps(given, ensure_ascii=False, default=str))


def _text(text: str) -> str:
    return text.encode(errors="replace").decode()


def _name(part: _Part, attributes: Mapping[str, Value]) -> str:
    subject = {"turn": genai.AGENT_NAME, "model_request": genai.REQUEST_MODEL, "tool_call": genai.TOOL_NAME}[part]
    return f"{genai.OPERATIONS[part]} {attributes.get(subject, '')}".strip()


def _key(part: _Part, event: AnalyticsEvent) -> tuple[str, ...]:
    return (part, str(event.data.get("turn_id")), str(event.data.get(_IDS[part])))


def _nanoseconds(event: AnalyticsEvent) -> int:
    return int(event.timestamp.timestamp() * 1_000_000) * 1000


def _context(turn_id: str, own_id: str) -> SpanContext:
    """The trace has the id of the turn, so that the one is found by the other."""
    from opentelemetry.trace import SpanContext, TraceFlags

    try:
        trace_id = uuid.UUID(turn_id).int
    except ValueError:
        trace_id = int.from_bytes(_digest(turn_id)[:16])
    span_id = int.from_bytes(_digest(f"{turn_id}/{own_id}")[:8])
    return SpanContext(trace_id or 1, span_id or 1, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="replace")).digest()
