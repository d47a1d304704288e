"""Metrics for Prometheus, with a real Pushgateway and a real scrape: what is counted is counted once, and kept."""

from __future__ import annotations

import math
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families
from support.event_batches import RUN, batch, event
from support.services import Answer, Service, free_port, require_or_skip

from victor_nb.agent.coordinators import AnalyticsCoordinator
from victor_nb.agent.orchestrator import AgentOrchestrator
from victor_nb.errors import ConfigError, ExportError, ModelResponseError
from victor_nb.exporters.genai import METRICS as STANDARD
from victor_nb.exporters.measurements import METRICS
from victor_nb.exporters.metric_ranges import Ranges
from victor_nb.exporters.prometheus import PrometheusMetricsExporter
from victor_nb.exporters.prometheus_text import metric_name
from victor_nb.messages import Usage
from victor_nb.testing import Reply, ScriptedModel, call, check_exporter_async

OTHER_RUN = "0199f000-0000-7000-8000-000000000002"


def samples(text: str) -> list[tuple[str, dict[str, str], float]]:
    families = text_string_to_metric_families(text)
    return [(s.name, s.labels, s.value) for family in families for s in family.samples]


def value(text: str, name: str, **labels: str) -> float:
    """The sum of all samples of that name and those labels."""
    return math.fsum(v for n, own, v in samples(text) if n == name and labels.items() <= own.items())


def shown(url: str) -> str:
    return httpx.get(f"{url}/metrics").text


async def test_batches_of_ten_five_and_two_are_seventeen(pushgateway):
    exporter = PrometheusMetricsExporter(pushgateway)
    for events in (batch(10), batch(5, first=11), batch(2, first=16)):
        assert (await exporter.export(events)).exported_count == len(events)
    assert value(shown(pushgateway), "victor_events_total", type="x_test", job="victor_nb", instance=RUN) == 17


async def test_two_kernels_are_two_instances(pushgateway):
    exporter = PrometheusMetricsExporter(pushgateway)
    await exporter.export([*batch(3), *batch(4, kernel_run_id=OTHER_RUN)])
    text = shown(pushgateway)
    assert value(text, "victor_events_total", instance=RUN) == 3
    assert value(text, "victor_events_total", instance=OTHER_RUN) == 4


async def test_the_next_exporter_goes_on_where_the_last_one_stopped(pushgateway):
    turn = {"status": "ok", "model": "m", "provider": "openai", "duration_s": 0.3, "requests": 2, "cost_usd": 0.25}
    await PrometheusMetricsExporter(pushgateway).export([event(1, "turn_completed", turn)])
    await PrometheusMetricsExporter(pushgateway).export([event(2, "turn_completed", turn | {"duration_s": 1000.0})])
    text = shown(pushgateway)
    assert value(text, "victor_turns_total", status="ok") == 2
    assert value(text, "victor_cost_usd_total") == 0.5
    assert value(text, "gen_ai_invoke_agent_duration_seconds_sum") == 1000.3
    assert value(text, "gen_ai_invoke_agent_duration_seconds_bucket", le="0.4") == 1
    assert value(text, "gen_ai_invoke_agent_duration_seconds_bucket", le="+Inf") == 2


async def test_what_a_killed_kernel_had_pushed_is_known_to_the_next(pushgateway):
    events = batch(10)
    await PrometheusMetricsExporter(pushgateway).export(events[:6])  # pushed, and killed before it was confirmed
    await PrometheusMetricsExporter(pushgateway).export(events)
    assert value(shown(pushgateway), "victor_events_total") == 10


async def test_two_exporters_of_one_kernel_count_into_one_group(pushgateway):
    first, second = PrometheusMetricsExporter(pushgateway), PrometheusMetricsExporter(pushgateway)
    await first.export([event(seq) for seq in (1, 2, 5)])
    await second.export([event(seq) for seq in (3, 4, 6)])
    await first.export([event(7)])
    assert value(shown(pushgateway), "victor_events_total") == 7


async def test_dead_letters_that_are_tried_again_later_are_counted(pushgateway):
    exporter = PrometheusMetricsExporter(pushgateway)
    events = batch(9)
    for part in (events[:3], events[6:], events[3:6], events):
        await exporter.export(part)
    assert value(shown(pushgateway), "victor_events_total") == 9


@pytest.fixture
def gateway_at(tmp_path) -> Iterator[list[Service]]:
    running: list[Service] = []
    yield running
    for service in running:
        service.stop(signal.SIGKILL)


def start_gateway(port: int, folder: Path) -> Service:
    import shutil

    binary = shutil.which("prometheus-pushgateway") or shutil.which("pushgateway")
    if not binary:
        require_or_skip("the Prometheus Pushgateway", "apt-get install prometheus-pushgateway")
    return Service([binary, f"--web.listen-address=127.0.0.1:{port}"], "Listening on", cwd=folder)


async def test_a_pushgateway_that_was_gone_is_told_everything_once(gateway_at, tmp_path):
    port = free_port()
    exporter = PrometheusMetricsExporter(f"127.0.0.1:{port}")
    for _ in range(2):
        with pytest.raises(ExportError, match="could not be reached") as refused:
            await exporter.export(batch(5))
        assert refused.value.retryable
    gateway_at.append(start_gateway(port, tmp_path))
    await exporter.export(batch(5))
    gateway_at.pop().stop(signal.SIGKILL)
    with pytest.raises(ExportError):
        await exporter.export(batch(2, first=6))
    gateway_at.append(start_gateway(port, tmp_path))  # it has forgotten everything
    await exporter.export(batch(2, first=6))
    assert value(shown(f"http://127.0.0.1:{port}"), "victor_events_total", instance=RUN) == 7


async def test_a_push_whose_answer_was_lost_is_the_same_push_again(webhook):
    exporter = PrometheusMetricsExporter(webhook.url)
    webhook.answer(Answer(), Answer(reset=True))
    with pytest.raises(ExportError):
        await exporter.export(batch(5))
    await exporter.export(batch(5))
    read, lost, again = webhook.requests
    assert (read.method, lost.method, again.method) == ("GET", "PUT", "PUT")
    assert lost.body == again.body


async def test_a_pushgateway_that_hangs_is_given_up(webhook):
    webhook.otherwise = Answer(delay_s=60)
    exporter = PrometheusMetricsExporter(webhook.url, timeout_s=0.05)
    with pytest.raises(ExportError, match=r"did not answer in 0\.05 s"):
        await exporter.export(batch(1))


async def test_a_refusal_says_when_to_try_again_and_no_password(webhook):
    webhook.otherwise = Answer(503, {"retry-after": "7"})
    exporter = PrometheusMetricsExporter(webhook.url.replace("//", "//me:secret@"))
    with pytest.raises(ExportError) as refused:
        await exporter.export(batch(1))
    assert (refused.value.retryable, refused.value.retry_after_s) == (True, 7)
    assert webhook.requests[0].headers["authorization"].startswith("Basic ")
    assert "secret" not in f"{refused.value} {exporter!r} {exporter.destination}"


async def test_labels_of_the_group_may_hold_anything(pushgateway):
    labels = {"team": "a/b ü", "empty": ""}
    for _ in range(2):
        exporter = PrometheusMetricsExporter(pushgateway, job="lab/1", grouping_key=labels)
        await exporter.export(batch(2))
    assert value(shown(pushgateway), "victor_events_total", job="lab/1", team="a/b ü") == 2
    assert exporter.destination == f"{pushgateway}/metrics/job@base64/bGFiLzE/empty@base64/=/team@base64/YS9iIMO8"


async def test_served_metrics_are_read_over_http_until_it_is_closed():
    exporter = PrometheusMetricsExporter(port=0)
    await exporter.export(batch(3))
    await exporter.export(batch(3))
    assert exporter.url
    assert value(httpx.get(exporter.url).text, "victor_events_total") == 3
    with pytest.raises(ConfigError, match="cannot be served on port"):
        PrometheusMetricsExporter(port=int(exporter.url.split(":")[2].split("/")[0]))
    await exporter.close()
    with pytest.raises(httpx.ConnectError):
        httpx.get(exporter.url)


async def test_exporters_with_one_registry_count_into_it_together():
    registry = CollectorRegistry()
    await PrometheusMetricsExporter(registry=registry).export(batch(3))
    await PrometheusMetricsExporter(registry=registry).export(batch(3, kernel_run_id=OTHER_RUN))
    assert registry.get_sample_value("victor_events_total", {"type": "x_test"}) == 6


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"pushgateway": "http://h", "port": 0},
        {"pushgateway": "ftp://h"},
        {"pushgateway": "http://h", "job": ""},
        {"pushgateway": "http://h", "grouping_key": {"instance": "x"}},
        {"pushgateway": "http://h", "grouping_key": {"status": "x"}},
        {"pushgateway": "http://h", "grouping_key": {"no-dashes": "x"}},
    ],
)
def test_what_cannot_work_is_refused_at_once(arguments):
    with pytest.raises(ConfigError):
        PrometheusMetricsExporter(**arguments)


async def test_labels_have_few_values_and_only_printable_ones():
    registry = CollectorRegistry()
    exporter = PrometheusMetricsExporter(registry=registry)
    tools = [f"tool{number}" for number in range(200)] + ["a\nb\x00c\ud800", "long" * 100]
    done = [event(seq, "tool_call_completed", {"tool": tool, "status": "ok"}) for seq, tool in enumerate(tools)]
    await exporter.export([event(1000, "tool_call_completed", {"tool": "a\nb\x00c\ud800", "status": "ok"}), *done])
    names = {s.labels["gen_ai_tool_name"]: s.value for f in registry.collect() for s in f.samples if "tool" in f.name}
    assert len(names) == 51
    assert names["other"] == len(tools) + 1 - 51  # of the 50 kept, one came twice
    assert names["a b c"] == 2


async def counted(type: str, data: dict[str, object]) -> dict[str, float]:
    """Counters, and the counts of histograms, after one event."""
    registry = CollectorRegistry()
    await PrometheusMetricsExporter(registry=registry).export([event(1, type, data)])
    found = {s.name: s.value for f in registry.collect() for s in f.samples if not s.name.endswith(("_bucket", "_sum"))}
    return {name: value for name, value in found.items() if value}


async def test_an_unknown_price_is_counted_and_is_no_zero():
    assert "victor_turns_cost_unknown_total" in await counted("turn_completed", {"status": "ok", "requests": 1})
    for free in ({"requests": 0}, {"requests": 1, "usage_source": "unmeasured"}, {"requests": 1, "cost_usd": 0.0}):
        names = await counted("turn_completed", {"status": "error", **free})
        assert not any("cost" in name for name in names)


@pytest.mark.parametrize(
    ("told", "used", "observed"),
    [
        ({"status": "ok", "usage_source": "reported"}, True, True),
        ({"status": "interrupted", "usage_source": "estimated"}, True, False),
        ({"status": "ok", "usage_source": "unmeasured"}, False, False),
    ],
)
async def test_tokens_are_those_that_a_model_used(told, used, observed):
    names = await counted("model_request_completed", {"input_tokens": 7, **told})
    assert ("gen_ai_client_inference_usage_input_tokens_total" in names) == used
    assert ("gen_ai_client_inference_operation_input_tokens_count" in names) == observed


async def test_nonsense_in_an_event_spoils_nothing():
    registry = CollectorRegistry()
    nonsense = {"duration_s": "long", "attempts": None, "cost_usd": math.nan, "requests": 10**400, "score": math.inf}
    types = ("turn_completed", "model_request_completed", "tool_call_completed", "feedback_given", "compaction")
    exporter = PrometheusMetricsExporter(registry=registry)
    await exporter.export([event(seq, type, nonsense) for seq, type in enumerate(types)])
    assert registry.get_sample_value("victor_feedback_total", {"rating": "positive"}) == 1


BAD_UNITS = re.compile(r"_(ms|millis\w*|minutes|hours|kb|kilobytes|count|sum|bucket|counter|histogram|gauge|info)$")


@pytest.mark.parametrize("instrument", METRICS, ids=lambda instrument: instrument.name)
def test_names_are_as_prometheus_wants_them(instrument):
    name = metric_name(instrument)
    assert re.fullmatch(r"(gen_ai|victor)(_[a-z]+)+", name)
    assert not BAD_UNITS.search(name)
    assert not name.endswith("_total")  # added to counters, and to nothing else
    assert name.endswith("_seconds") == (instrument.unit == "s")
    assert instrument.description.endswith(".")
    assert (instrument.kind == "histogram") == bool(instrument.buckets)
    assert name.startswith("gen_ai") == (instrument in STANDARD)


@given(st.lists(st.lists(st.integers(1, 40), max_size=15), max_size=8))
async def test_however_events_come_each_is_counted_once(deliveries):
    registry = CollectorRegistry()
    exporter = PrometheusMetricsExporter(registry=registry)
    for seqs in deliveries:
        await exporter.export([event(seq) for seq in seqs])
    counted = registry.get_sample_value("victor_events_total", {"type": "x_test"}) or 0
    assert counted == len({seq for seqs in deliveries for seq in seqs})


@given(st.lists(st.integers(0, 60)), st.integers(1, 5))
def test_ranges_are_a_set_that_stays_small(values, most):
    exact, bounded = Ranges(), Ranges(most=most)
    assert [exact.add(value) for value in values] == [value not in values[:at] for at, value in enumerate(values)]
    assert [value for value in range(62) if value in exact] == sorted(set(values))
    for number in values:
        bounded.add(number)
    assert len(bounded) <= most
    assert all(number in bounded for number in values)
    assert exact.joined(most).as_list() == bounded.as_list() or len(exact) > most


async def test_it_keeps_the_rules_of_exporters(pushgateway):
    await check_exporter_async(lambda: PrometheusMetricsExporter(pushgateway))
    await check_exporter_async(lambda: PrometheusMetricsExporter(port=0))


def divide(a: int, b: int) -> float:
    """a / b"""
    return a / b


async def test_a_conversation_as_prometheus_sees_it(pushgateway):
    model = ScriptedModel(
        call("divide", a=1, b=0),
        Reply("No.", usage=Usage(100, 20, 60), cost_usd=0.5),
        ModelResponseError("garbled"),
        "Unpriced.",
        name="gpt-x",
        provider="mistral",
    )
    analytics = AnalyticsCoordinator(exporters=[PrometheusMetricsExporter(pushgateway)])
    orchestrator = AgentOrchestrator(model=model, tools=[divide], analytics_coordinator=analytics)
    async for _ in orchestrator.stream_chat("What is 1 / 0, my secret?"):
        pass
    with pytest.raises(ModelResponseError):
        await orchestrator.chat("And now?")
    await orchestrator.chat("And now?")
    assert (await analytics.export_analytics()).success
    text, used = shown(pushgateway), {"gen_ai_provider_name": "mistral_ai", "gen_ai_request_model": "gpt-x"}
    assert value(text, "victor_turns_total", status="ok", **used) == 2
    assert value(text, "victor_turns_total", status="error", **used) == 1
    assert value(text, "victor_requests_total", purpose="chat") == 4
    assert value(text, "victor_tool_calls_total", gen_ai_tool_name="divide", status="error") == 1
    assert value(text, "victor_errors_total", error_type="ZeroDivisionError") == 1
    assert value(text, "victor_errors_total", error_type="ModelResponseError", gen_ai_operation_name="chat") == 1
    assert value(text, "gen_ai_client_operation_duration_seconds_count", **used) == 4
    assert value(text, "gen_ai_client_operation_time_to_first_chunk_seconds_count", **used) == 2
    assert value(text, "gen_ai_client_inference_usage_cache_read_input_tokens_total", **used) == 60
    assert value(text, "gen_ai_client_inference_operation_output_tokens_bucket", le="64") == 3
    assert value(text, "gen_ai_invoke_agent_tool_calls_sum") == 1
    assert value(text, "victor_turns_cost_unknown_total") == 3
    assert not re.search(f"secret|{orchestrator.session_id}", text)
    orchestrator.close()


TWO_TURNS = """
import asyncio, os, signal, sys
from victor_nb.agent.coordinators import AnalyticsCoordinator
from victor_nb.agent.orchestrator import AgentOrchestrator
from victor_nb.exporters.prometheus import PrometheusMetricsExporter
from victor_nb.testing import ScriptedModel

async def main():
    way = sys.argv[2]
    analytics = AnalyticsCoordinator(exporters=[PrometheusMetricsExporter(sys.argv[1])])
    orchestrator = AgentOrchestrator(model=ScriptedModel(*"ab"), analytics_coordinator=analytics)
    for question in "12":
        await orchestrator.chat(question)
        assert (await analytics.export_analytics()).success == (way != "killed")
    print(analytics.store.kernel_run_id, flush=True)
    if way == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    orchestrator.close()

asyncio.run(main())
"""


def test_two_processes_at_once_do_not_overwrite_each_other(pushgateway):
    command = [sys.executable, "-c", TWO_TURNS, pushgateway, "ends"]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    runs = [process.communicate(timeout=120)[0].strip() for process in processes]
    text = shown(pushgateway)
    assert len(set(runs)) == 2
    assert [value(text, "victor_turns_total", instance=run) for run in runs] == [2, 2]
    assert value(text, "victor_turns_total") == 4


def test_a_killed_kernel_is_pushed_by_the_next_as_the_instance_that_it_was(gateway_at, tmp_path):
    port = free_port()
    command = [sys.executable, "-c", TWO_TURNS, f"127.0.0.1:{port}"]
    killed = subprocess.run([*command, "killed"], capture_output=True, text=True, check=False)
    gateway_at.append(start_gateway(port, tmp_path))
    ended = subprocess.run([*command, "ends"], capture_output=True, text=True, check=True)
    text = shown(f"http://127.0.0.1:{port}")
    runs = [killed.stdout.strip(), ended.stdout.strip()]
    assert [value(text, "victor_turns_total", instance=run) for run in runs] == [2, 2]
