"""What an event adds to the metrics, the same for every system of metrics.

Metrics that the conventions of `genai` name are spelled so, the others are `victor.*`. Attributes hold names from small
sets, never an id and nothing that a person wrote. What is unknown is not added as 0. Imports `genai` alone.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from victor_nb.exporters import genai
from victor_nb.exporters.genai import Instrument
from victor_nb.protocols import AnalyticsEvent

_MOST_OPEN_REQUESTS = 10_000
_MODEL = (genai.PROVIDER_NAME, genai.REQUEST_MODEL)

EVENTS: Final = Instrument("victor.events", "counter", "{event}", "Events recorded, by type.", ("type",))
TURNS: Final = Instrument("victor.turns", "counter", "{turn}", "Turns that ended.", ("status", *_MODEL))
REQUESTS: Final = Instrument(
    "victor.requests", "counter", "{request}", "Model requests that ended.", ("status", "purpose", *_MODEL)
)
RETRIES: Final = Instrument("victor.retries", "counter", "{retry}", "Model requests that were sent again.", _MODEL)
TOOL_CALLS: Final = Instrument(
    "victor.tool_calls", "counter", "{tool_call}", "Tool calls that ended.", ("status", genai.TOOL_NAME)
)
COMPACTIONS: Final = Instrument(
    "victor.compactions", "counter", "{compaction}", "Compactions of a conversation.", ("trigger", "outcome")
)
COST: Final = Instrument("victor.cost", "counter", "USD", "What turns cost, where the price is known.", _MODEL)
COST_UNKNOWN: Final = Instrument(
    "victor.turns.cost_unknown", "counter", "{turn}", "Turns that cost nobody knows what; they are in no sum.", _MODEL
)
ERRORS: Final = Instrument(
    "victor.errors",
    "counter",
    "{error}",
    "Turns, model requests and tool calls that did not end well.",
    (genai.OPERATION_NAME, genai.ERROR_TYPE),
)
FEEDBACK: Final = Instrument(
    "victor.feedback", "counter", "{rating}", "Ratings of answers: positive, zero, negative or none.", ("rating",)
)
EXPORT_FAILURES: Final = Instrument(
    "victor.export_failures", "counter", "{failure}", "Streaks of failures of an exporter.", ("exporter",)
)
METRICS: Final = (
    *genai.METRICS,
    EVENTS,
    TURNS,
    REQUESTS,
    RETRIES,
    TOOL_CALLS,
    COMPACTIONS,
    COST,
    COST_UNKNOWN,
    ERRORS,
    FEEDBACK,
    EXPORT_FAILURES,
)


@dataclass(frozen=True, slots=True)
class Measurement:
    """`value` is added to a counter, or observed by a histogram. Attributes without a value are left out."""

    instrument: Instrument
    value: float
    attributes: Mapping[str, str]


def number(data: Mapping[str, Any], field: str) -> float | None:
    """A finite number that is not negative; None for anything else."""
    value = _real(data.get(field))
    return value if value is not None and 0 <= value < math.inf else None


def _real(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        real = float(value)
    except OverflowError:
        return None
    return None if math.isnan(real) else real


def error_type(data: Mapping[str, Any]) -> str | None:
    """Why an operation did not end well, or None: it did."""
    status = str(data.get("status") or "")
    return None if status == "ok" else str(data.get("error_type") or status or "_OTHER")


def is_measured(data: Mapping[str, Any]) -> bool:
    """Whether its tokens are a model's: those of the demo are not."""
    return data.get("usage_source") != "unmeasured"


class Measurer:
    """Knows which model the open requests were sent to, which the model that answers may call by another name."""

    def __init__(self) -> None:
        self._requested: OrderedDict[str, str] = OrderedDict()

    def measure(self, event: AnalyticsEvent) -> Iterator[Measurement]:
        yield Measurement(EVENTS, 1, {"type": event.type})
        if event.type == "model_request_started":
            self._remember(event.data)
        elif event.type == "model_request_completed":
            yield from _request(event.data, self._requested.get(_text(event.data, "request_id")))
        elif reader := _READERS.get(event.type):
            yield from reader(event.data)

    def _remember(self, data: Mapping[str, Any]) -> None:
        self._requested[_text(data, "request_id")] = _text(data, "model")
        while len(self._requested) > _MOST_OPEN_REQUESTS:
            self._requested.popitem(last=False)


def _request(data: Mapping[str, Any], requested: str | None) -> Iterator[Measurement]:
    model, error = _model(data, requested), error_type(data)
    yield Measurement(REQUESTS, 1, {"status": _text(data, "status"), "purpose": _text(data, "purpose"), **model})
    yield from _added(RETRIES, max(0.0, (number(data, "attempts") or 1) - 1), model)
    yield from _failed(genai.CHAT, error)
    operation = {genai.OPERATION_NAME: genai.CHAT, **model}
    yield from _added(genai.OPERATION_DURATION, number(data, "duration_s"), _with_error(operation, error))
    yield from _added(genai.TIME_TO_FIRST_CHUNK, number(data, "time_to_first_token_s"), operation)
    if is_measured(data):
        yield from _tokens(data, operation, failed=error is not None)


def _turn(data: Mapping[str, Any]) -> Iterator[Measurement]:
    model, error = _model(data), error_type(data)
    yield Measurement(TURNS, 1, {"status": _text(data, "status"), **model})
    yield from _failed(genai.INVOKE_AGENT, error)
    agent = {genai.AGENT_NAME: genai.AGENT, **model}
    yield from _added(genai.AGENT_DURATION, number(data, "duration_s"), _with_error(agent, error))
    yield from _added(genai.AGENT_INFERENCE_CALLS, number(data, "requests"), agent)
    yield from _added(genai.AGENT_TOOL_CALLS, number(data, "tool_calls"), agent)
    yield from _cost(data, model)


def _tool_call(data: Mapping[str, Any]) -> Iterator[Measurement]:
    tool, error = {genai.TOOL_NAME: _text(data, "tool")}, error_type(data)
    yield Measurement(TOOL_CALLS, 1, {"status": _text(data, "status"), **tool})
    yield from _failed(genai.EXECUTE_TOOL, error)
    attributes = _with_error({**tool, genai.TOOL_TYPE: genai.FUNCTION}, error)
    yield from _added(genai.TOOL_DURATION, number(data, "duration_s"), attributes)


def _compaction(data: Mapping[str, Any]) -> Iterator[Measurement]:
    yield Measurement(COMPACTIONS, 1, {"trigger": _text(data, "trigger"), "outcome": _text(data, "outcome")})


def _feedback(data: Mapping[str, Any]) -> Iterator[Measurement]:
    score = _real(data.get("score"))
    rating = "none" if score is None else "positive" if score > 0 else "negative" if score < 0 else "zero"
    yield Measurement(FEEDBACK, 1, {"rating": rating})


def _export_failure(data: Mapping[str, Any]) -> Iterator[Measurement]:
    yield Measurement(EXPORT_FAILURES, 1, {"exporter": _text(data, "exporter")})


_READERS: Final[dict[str, Callable[[Mapping[str, Any]], Iterator[Measurement]]]] = {
    "turn_completed": _turn,
    "tool_call_completed": _tool_call,
    "compaction": _compaction,
    "feedback_given": _feedback,
    "export_failed": _export_failure,
}


def _model(data: Mapping[str, Any], requested: str | None = None) -> dict[str, str]:
    return {
        genai.PROVIDER_NAME: genai.provider_name(_text(data, "provider")),
        genai.REQUEST_MODEL: requested or _text(data, "model"),
    }


def _text(data: Mapping[str, Any], field: str) -> str:
    return str(data.get(field) or "")


def _with_error(attributes: dict[str, str], error: str | None) -> dict[str, str]:
    return {**attributes, genai.ERROR_TYPE: error} if error else attributes


def _failed(operation: str, error: str | None) -> Iterator[Measurement]:
    if error:
        yield Measurement(ERRORS, 1, {genai.OPERATION_NAME: operation, genai.ERROR_TYPE: error})


def _added(instrument: Instrument, value: float | None, attributes: dict[str, str]) -> Iterator[Measurement]:
    if value is not None:
        yield Measurement(instrument, value, attributes)


def _tokens(data: Mapping[str, Any], operation: dict[str, str], *, failed: bool) -> Iterator[Measurement]:
    """The distributions are those of requests that went well; what the others used is in the counters alone."""
    used = {**operation, genai.TOKEN_MODALITY: genai.UNKNOWN_MODALITY}
    yield from _added(genai.INPUT_TOKENS_USED, number(data, "input_tokens"), used)
    yield from _added(genai.OUTPUT_TOKENS_USED, number(data, "output_tokens"), used)
    yield from _added(genai.CACHE_READ_TOKENS_USED, number(data, "cache_read_tokens"), used)
    yield from _added(genai.CACHE_WRITE_TOKENS_USED, number(data, "cache_write_tokens"), used)
    yield from _added(genai.REASONING_TOKENS_USED, number(data, "reasoning_tokens"), used)
    if not failed:
        yield from _added(genai.OPERATION_INPUT_TOKENS, number(data, "input_tokens"), operation)
        yield from _added(genai.OPERATION_OUTPUT_TOKENS, number(data, "output_tokens"), operation)


def _cost(data: Mapping[str, Any], model: dict[str, str]) -> Iterator[Measurement]:
    cost = number(data, "cost_usd")
    if cost is not None:
        yield Measurement(COST, cost, model)
    elif is_measured(data) and data.get("requests") != 0:  # a turn that asked nobody costs nothing
        yield Measurement(COST_UNKNOWN, 1, model)
