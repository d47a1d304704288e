"""Traces and metrics by OTLP, read by a real receiver with OpenTelemetry's own classes."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from support.event_batches import BEGAN, RUN, batch, event
from support.otlp import OtlpReceiver
from support.services import Answer

from victor_nb.agent.coordinators import AnalyticsCoordinator
from victor_nb.agent.orchestrator import AgentOrchestrator
from victor_nb.errors import ConfigError, ExportError, ModelResponseError
from victor_nb.exporters.opentelemetry import OpenTelemetryExporter
from victor_nb.messages import Usage, new_id
from victor_nb.protocols import AnalyticsEvent
from victor_nb.testing import Reply, ScriptedModel, call, check_exporter_async

INTERNAL, CLIENT = 1, 3
UNSET, ERROR = 0, 2


def at(seconds: float) -> dt.datetime:
    return BEGAN + dt.timedelta(seconds=seconds)


def turn(first: int = 1, *, began_s: float = 0.0, session_id: str = "s", run: str = RUN) -> list[AnalyticsEvent]:
    """A turn of ten seconds with one request (1 to 5 s) and one tool call (6 to 8 s)."""
    turn_id, request_id, own = new_id(), new_id(), {"session_id": session_id, "kernel_run_id": run}
    model = {"model": "gpt-x", "provider": "google"}
    told = [
        ("turn_started", 0, {"turn_index": 1, "cell_id": "c1", "tags": {"variant": "A", "big": 2**70}}),
        ("model_request_started", 1, {"request_id": request_id, "temperature": 0.5, "max_tokens": 9, **model}),
        (
            "model_request_completed",
            5,
            {"request_id": request_id, "status": "ok", "duration_s": 4.0, "model": "gpt-x-1", "provider": "google"}
            | {"input_tokens": 100, "cache_read_tokens": 60, "time_to_first_token_s": 0.5, "finish_reason": "stop"},
        ),
        ("tool_call_started", 6, {"tool_call_id": "call_0", "tool": "look"}),
        (
            "tool_call_completed",
            8,
            {"tool_call_id": "call_0", "tool": "look", "status": "denied", "duration_s": 2.0},
        ),
        ("turn_completed", 10, {"status": "ok", "duration_s": 10.0, "requests": 1, "compactions": 1, **model}),
    ]
    return [
        event(first + index, type, {"turn_id": turn_id, **data}, timestamp=at(began_s + seconds), **own)
        for index, (type, seconds, data) in enumerate(told)
    ]


async def test_a_turn_is_a_trace(otlp):
    events = turn()
    await OpenTelemetryExporter(otlp.endpoint, resource_attributes={"team": "lab"}).export(events)
    chat, tool, root = otlp.spans()
    assert [root.name, chat.name, tool.name] == ["invoke_agent victor_nb", "chat gpt-x", "execute_tool look"]
    assert {span.trace for span in (chat, tool, root)} == {events[0].data["turn_id"].replace("-", "")}
    assert (root.parent, chat.parent, tool.parent) == ("", root.id, root.id)
    assert [root.kind, chat.kind, tool.kind] == [INTERNAL, CLIENT, INTERNAL]
    assert [root.status, chat.status, tool.status] == [UNSET, UNSET, ERROR]
    for span, seconds in ((root, (0, 10)), (chat, (1, 5)), (tool, (6, 8))):
        assert (span.start, span.end) == tuple(int(at(s).timestamp() * 1e6) * 1000 for s in seconds)
    resource = {"service.name": "victor_nb", "service.instance.id": RUN, "team": "lab"}
    assert all(resource.items() <= span.resource.items() for span in (chat, tool, root))


async def test_attributes_are_named_by_the_conventions(otlp):
    await OpenTelemetryExporter(otlp.endpoint).export(turn())
    chat, tool, root = (span.attributes for span in otlp.spans())
    assert {name: value for name, value in chat.items() if not name.startswith("victor.")} == {
        "gen_ai.operation.name": "chat",
        "gen_ai.conversation.id": "s",
        "gen_ai.provider.name": "gcp.gemini",
        "gen_ai.request.model": "gpt-x",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.max_tokens": 9,
        "gen_ai.request.stream": True,
        "gen_ai.response.model": "gpt-x-1",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.response.time_to_first_chunk": 0.5,
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.cache_read.input_tokens": 60,
    }
    assert (tool["gen_ai.tool.call.id"], tool["gen_ai.tool.type"], tool["error.type"]) == (
        "call_0",
        "function",
        "denied",
    )
    assert root["gen_ai.conversation.compacted"] is True
    assert (root["victor.cell_id"], root["victor.tag.variant"], root["victor.tag.big"]) == ("c1", "A", str(2**70))


async def test_the_same_events_are_the_same_spans_whoever_sends_them(otlp):
    events = turn()
    await OpenTelemetryExporter(otlp.endpoint).export(events)
    await OpenTelemetryExporter(otlp.endpoint).export(events)
    first, second = otlp.spans()[:3], otlp.spans()[3:]
    assert first == second
    assert len({span.id for span in first}) == 3


async def test_a_span_needs_only_the_event_that_ends_it(otlp):
    events = turn()
    await OpenTelemetryExporter(otlp.endpoint).export(events[:2])
    assert otlp.of("traces") == []
    await OpenTelemetryExporter(otlp.endpoint).export(events[2:])
    chat, _, root = otlp.spans()
    assert chat.parent == root.id
    assert root.end - root.start == 10 * 10**9
    assert "gen_ai.request.temperature" not in chat.attributes  # only the beginning knew


async def test_a_turn_that_was_cut_off_ends_where_it_was_last_heard_of(otlp):
    later = "0199f000-0000-7000-8000-000000000002"
    exporter = OpenTelemetryExporter(otlp.endpoint)
    await exporter.export(turn()[:4])
    next_day = turn(began_s=86_400.0, run=later)
    await exporter.export(next_day[:1])
    root = otlp.spans()[-1]
    assert (root.name, root.status, root.attributes["error.type"]) == ("invoke_agent victor_nb", ERROR, "interrupted")
    assert root.end - root.start == 6 * 10**9
    assert root.resource["service.instance.id"] == RUN
    ended = event(9, "session_ended", {"reason": "closed"}, timestamp=at(90_000), kernel_run_id=later)
    await exporter.export([ended])
    assert otlp.spans()[-1].trace == next_day[0].data["turn_id"].replace("-", "")


async def test_a_span_that_was_not_taken_is_made_again(otlp):
    exporter = OpenTelemetryExporter(otlp.endpoint)
    events = [*turn()[:1], *turn(7)]
    for _ in range(2):
        otlp.answer(Answer(503))
        with pytest.raises(ExportError):
            await exporter.export(events)
    await exporter.export(events)
    assert [span.id for span in otlp.spans()[:4]] == [span.id for span in otlp.spans()[-4:]]
    assert [span.status for span in otlp.spans()[-4:]] == [ERROR, UNSET, ERROR, UNSET]


async def test_what_only_the_beginning_knew_is_kept_until_the_end_has_arrived(otlp):
    exporter, events = OpenTelemetryExporter(otlp.endpoint), turn()
    await exporter.export(events[:2])
    otlp.answer(Answer(503))
    with pytest.raises(ExportError):
        await exporter.export(events[2:])
    await exporter.export(events[2:])
    assert [span.attributes["gen_ai.request.temperature"] for span in otlp.spans()[::3]] == [0.5, 0.5]


async def test_content_is_not_sent_unless_asked_for(otlp):
    said = {"prompt": "secret", "response": "secret", "arguments": "secret", "result": "secret", "error": "secret"}
    events = [event.model_copy(update={"data": {**event.data, **said}}) for event in turn()]
    await OpenTelemetryExporter(otlp.endpoint).export(events)
    assert not any(b"secret" in posted.body for posted in otlp.requests)


async def test_metrics_are_cumulative_and_count_each_event_once(otlp):
    exporter = OpenTelemetryExporter(otlp.endpoint)
    first, second = turn(), turn(7)
    await exporter.export(first)
    otlp.answer(Answer(), Answer(reset=True))  # the metrics arrive, and the answer is lost
    with pytest.raises(ExportError):
        await exporter.export(second)
    await exporter.export(second)
    await exporter.export(second)
    assert len(otlp.of("metrics")) == 3
    for name in ("gen_ai.client.inference.usage.input_tokens", "victor.turns"):
        points = [otlp.metrics(index)[name][0] for index in range(3)]
        assert [point["value"] / points[0]["value"] for point in points] == [1, 2, 2]
        assert {(p["start"], p["cumulative"], p["kind"]) for p in points} == {(points[0]["start"], True, "sum")}
        assert all(before["time"] <= after["time"] for before, after in pairwise(points))
    duration = otlp.metrics()["gen_ai.client.operation.duration"][0]
    assert (duration["unit"], duration["count"], duration["sum"]) == ("s", 2, 8.0)
    assert duration["buckets"][duration["bounds"].index(5.12)] == 2
    assert duration["resource"]["service.instance.id"] == RUN
    assert duration["attributes"] == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "gcp.gemini",
        "gen_ai.request.model": "gpt-x",
    }


async def test_two_exporters_of_one_kernel_are_one_stream(otlp):
    first, second = OpenTelemetryExporter(otlp.endpoint), OpenTelemetryExporter(otlp.endpoint)
    await first.export(batch(3))
    await second.export(batch(4, first=4))
    assert otlp.metrics()["victor.events"][0]["value"] == 7


@given(st.lists(st.tuples(st.integers(1, 11), st.booleans()), min_size=1, max_size=5))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_whatever_fails_the_sums_are_right_in_the_end(steps):
    receiver, events, done = OtlpReceiver(), [*turn(), *turn(7)], 0
    exporter = OpenTelemetryExporter(receiver.endpoint)
    for size, fails in steps:
        if fails:
            receiver.otherwise = Answer(500)
            with pytest.raises(ExportError):
                await exporter.export(events[done : done + size] or events)
            receiver.otherwise = Answer()
        await exporter.export(events[done : done + size] or events)
        done += size
    await exporter.export(events)
    assert sum(point["value"] for point in receiver.metrics()["victor.events"]) == len(events)
    receiver.close()


@pytest.mark.parametrize(("status", "retryable"), [(400, False), (413, False), (401, True), (404, True), (502, True)])
async def test_an_answer_tells_whether_to_try_again(otlp, status, retryable):
    otlp.otherwise = Answer(status, {"retry-after": "3"})
    exporter = OpenTelemetryExporter(otlp.endpoint.replace("//", "//me:secret@"), headers={"Authorization": "key-123"})
    with pytest.raises(ExportError) as refused:
        await exporter.export(turn())
    assert (refused.value.retryable, refused.value.retry_after_s) == (retryable, 3)
    assert "secret" not in f"{refused.value} {exporter!r} {exporter.destination}"
    assert exporter.destination == f"{otlp.endpoint}/v1/traces"


class Rejecting(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        body = ExportTraceServiceResponse(partial_success={"rejected_spans": 2, "error_message": "too old"})
        self.send_response(200)
        self.send_header("content-type", "application/x-protobuf")
        self.end_headers()
        self.wfile.write(body.SerializeToString())

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""


async def test_what_a_receiver_rejects_in_part_is_told_and_not_sent_again(caplog):
    with HTTPServer(("127.0.0.1", 0), Rejecting) as server:
        answering = threading.Thread(target=server.handle_request)
        answering.start()
        exporter = OpenTelemetryExporter(f"http://127.0.0.1:{server.server_port}", metrics=False)
        assert (await exporter.export(turn())).success
        answering.join()
    assert "rejected 2 spans: too old" in caplog.text


async def test_a_receiver_of_traces_alone(otlp):
    otlp.answer(Answer(), Answer(404))
    with pytest.raises(ExportError, match="metrics=False"):
        await OpenTelemetryExporter(otlp.endpoint).export(turn())
    await OpenTelemetryExporter(otlp.endpoint, metrics=False).export(turn())
    assert (len(otlp.of("traces")), len(otlp.of("metrics"))) == (2, 1)


async def test_a_receiver_that_hangs_is_given_up(otlp):
    otlp.otherwise = Answer(delay_s=60)
    with pytest.raises(ExportError, match=r"did not answer in 0\.05 s"):
        await OpenTelemetryExporter(otlp.endpoint, timeout_s=0.05).export(turn())


async def test_the_environment_is_heard(otlp, monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"{otlp.endpoint}/base/")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", f"{otlp.endpoint}/elsewhere/v1/metrics")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-key=a%20b")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "team=lab")
    await OpenTelemetryExporter().export(turn())
    assert [posted.path for posted in otlp.requests] == ["/base/v1/traces", "/elsewhere/v1/metrics"]
    assert {posted.headers["x-key"] for posted in otlp.requests} == {"a b"}
    assert otlp.spans()[0].resource["team"] == "lab"
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "soon")
    with pytest.raises(ConfigError, match="TIMEOUT"):
        OpenTelemetryExporter()


async def test_text_that_protobuf_cannot_hold_is_mended(otlp):
    exporter = OpenTelemetryExporter(otlp.endpoint, include_content=True)
    strange = [
        event.model_copy(update={"data": event.data | {"prompt": "a\ud800\0", "tool": "b\udfff"}}) for event in turn()
    ]
    await exporter.export(strange)
    assert "a?\\u0000" in otlp.spans()[-1].attributes["gen_ai.input.messages"]


async def test_it_keeps_the_rules_of_exporters(otlp):
    await check_exporter_async(lambda: OpenTelemetryExporter(otlp.endpoint, include_content=True))


def divide(a: int, b: int) -> float:
    """a / b"""
    return a / b


@pytest.mark.parametrize("include_content", [False, True])
async def test_a_conversation_as_a_tracer_sees_it(otlp, include_content):
    model = ScriptedModel(
        call("divide", a=1, b=0), Reply("Never.", usage=Usage(100, 20, 60)), ModelResponseError("garbled words")
    )
    exporter = OpenTelemetryExporter(otlp.endpoint, include_content=include_content)
    analytics = AnalyticsCoordinator(exporters=[exporter])
    orchestrator = AgentOrchestrator(model=model, tools=[divide], analytics_coordinator=analytics)
    response = await orchestrator.chat("What is 1 / 0?")
    with pytest.raises(ModelResponseError):
        await orchestrator.chat("And 2 / 0?")
    assert (await analytics.export_analytics()).success
    ask, tool, answer, root, failed, failed_root = otlp.spans()
    assert root.trace == response.turn_id.replace("-", "")
    assert {ask.parent, tool.parent, answer.parent} == {root.id}
    assert ask.end <= tool.end <= answer.end <= root.end
    assert root.start <= ask.start
    assert answer.attributes["gen_ai.usage.cache_read.input_tokens"] == 60
    assert "gen_ai.usage.cache_read.input_tokens" not in root.attributes
    assert (tool.status, tool.attributes["error.type"]) == (ERROR, "ZeroDivisionError")
    assert failed.attributes["error.type"] == failed_root.attributes["error.type"] == "ModelResponseError"
    told = {name: value for span in otlp.spans() for name, value in span.attributes.items()}
    said = [posted.body for posted in otlp.requests if b"garbled" in posted.body or b"Never." in posted.body]
    assert bool(said) == include_content == ("gen_ai.input.messages" in told)
    if include_content:
        assert json.loads(root.attributes["gen_ai.output.messages"])[0]["parts"][0]["content"] == "Never."
        assert json.loads(tool.attributes["gen_ai.tool.call.arguments"]) == {"a": 1, "b": 0}
        assert failed.message == "garbled words"
    orchestrator.close()


WITHOUT = """
import sys
sys.modules["opentelemetry.sdk"] = None
from victor_nb.errors import MissingExtraError
from victor_nb.exporters.opentelemetry import OpenTelemetryExporter
try:
    OpenTelemetryExporter()
except MissingExtraError as error:
    print(error)
"""


def test_without_the_extra_one_line_says_how_to_install_it():
    done = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == 'OpenTelemetryExporter needs OpenTelemetry. pip install "victor-nb[otel]"'
