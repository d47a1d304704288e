"""Three exporters as a user writes them, each to the real thing, all at once, and one of them made to fail."""

from __future__ import annotations

import json

import asyncpg
import httpx
import pytest
from prometheus_client import CollectorRegistry, Gauge, push_to_gateway
from prometheus_client.parser import text_string_to_metric_families
from support.services import Answer

from victor_nb.agent.coordinators import AnalyticsCoordinator
from victor_nb.agent.coordinators.analytics_coordinator import BaseAnalyticsExporter
from victor_nb.agent.orchestrator import AgentOrchestrator
from victor_nb.protocols import AnalyticsEvent, ExportResult
from victor_nb.testing import ScriptedModel


class PostgresExporter(BaseAnalyticsExporter):
    def __init__(self, connection: asyncpg.Connection):
        self.db = connection

    async def export(self, events: list[AnalyticsEvent]) -> ExportResult:
        rows = [(e.session_id, e.type, json.dumps(e.data), e.timestamp) for e in events]
        await self.db.executemany("INSERT INTO analytics VALUES ($1, $2, $3, $4)", rows)
        return ExportResult(success=True, exported_count=len(events))


class WebhookExporter(BaseAnalyticsExporter):
    def __init__(self, url: str, headers: dict[str, str]):
        self.url, self.headers = url, headers

    async def export(self, events: list[AnalyticsEvent]) -> ExportResult:
        try:
            async with httpx.AsyncClient() as client:
                payload = [e.model_dump() for e in events]
                (await client.post(self.url, json=payload, headers=self.headers)).raise_for_status()
        except httpx.HTTPError as error:
            return ExportResult(success=False, error=str(error))
        return ExportResult(success=True, exported_count=len(events))


class PushgatewayExporter(BaseAnalyticsExporter):
    def __init__(self, url: str):
        self.url, self.counts = url, {}

    async def export(self, events: list[AnalyticsEvent]) -> ExportResult:
        for event in events:
            self.counts[event.type] = self.counts.get(event.type, 0) + 1
        registry = CollectorRegistry()
        for name, count in self.counts.items():
            Gauge(f"victor_analytics_{name}", f"Number of {name} events", registry=registry).set(count)
        push_to_gateway(self.url, job="victor", registry=registry)
        return ExportResult(success=True, exported_count=len(events))


TABLE = "CREATE TABLE analytics (session_id text, type text, data jsonb, at timestamptz)"


def pushed(url: str) -> dict[str, float]:
    families = text_string_to_metric_families(httpx.get(f"{url}/metrics").text)
    return {f.name: f.samples[0].value for f in families if f.name.startswith("victor_analytics_")}


async def test_all_three_receive_every_event_once_and_it_is_counted(postgres, webhook, pushgateway):
    connection = await asyncpg.connect(postgres)
    await connection.execute(TABLE)
    exporters = [
        PostgresExporter(connection),
        WebhookExporter(webhook.url, {"Authorization": "Bearer token"}),
        PushgatewayExporter(pushgateway),
    ]
    analytics = AnalyticsCoordinator(exporters=exporters)
    orchestrator = AgentOrchestrator(model=ScriptedModel("Hello!", "Again!"), _analytics_coordinator=analytics)
    await orchestrator.chat("Hi")
    await orchestrator.chat("Hi again")
    result = await analytics.export_analytics(session_id=orchestrator.session_id)

    recorded = (await analytics.get_session_analytics(orchestrator.session_id)).events
    rows = await connection.fetch("SELECT type, data->>'turn_id' AS turn, at FROM analytics ORDER BY at")
    posted = [event for request in webhook.requests for event in json.loads(request.body)]
    assert result.success
    assert result.exported_count == len(recorded) == len(rows) == len(posted)
    assert sorted(row["type"] for row in rows) == sorted(event.type for event in recorded)
    assert [event["seq"] for event in posted] == [event.seq for event in recorded]
    assert {request.headers["authorization"] for request in webhook.requests} == {"Bearer token"}
    assert pushed(pushgateway)["victor_analytics_turn_completed"] == 2
    await connection.close()
    orchestrator.close()


async def test_a_failing_destination_harms_neither_the_others_nor_the_chat(postgres, webhook, pushgateway, caplog):
    connection = await asyncpg.connect(postgres)
    await connection.execute(TABLE)
    webhook.otherwise = Answer(status=500)
    exporters = [PostgresExporter(connection), WebhookExporter(webhook.url, {}), PushgatewayExporter(pushgateway)]
    analytics = AnalyticsCoordinator(exporters=exporters)
    orchestrator = AgentOrchestrator(model=ScriptedModel("Hello!"), analytics_coordinator=analytics)
    answer = await orchestrator.chat("Hi")
    result = await analytics.export_analytics(session_id=orchestrator.session_id)

    assert answer.content == "Hello!"
    assert not result.success
    assert result.exported_count == 0
    assert "500" in result.results["WebhookExporter"].error
    assert result.results["PostgresExporter"].success
    assert await connection.fetchval("SELECT count(*) FROM analytics") >= result.pending - 1
    assert pushed(pushgateway)["victor_analytics_turn_completed"] == 1
    assert "WebhookExporter failed" in caplog.text

    webhook.otherwise = Answer()
    assert (await analytics.export_analytics(session_id=orchestrator.session_id)).success
    await connection.close()
    orchestrator.close()


async def test_exporters_run_by_themselves_after_a_turn(webhook):
    analytics = AnalyticsCoordinator(exporters=[WebhookExporter(webhook.url, {})])
    orchestrator = AgentOrchestrator(model=ScriptedModel("Hello!"), analytics_coordinator=analytics)
    await orchestrator.chat("Hi")
    posted = webhook.wait_for(1)
    assert "turn_completed" in {event["type"] for request in posted for event in json.loads(request.body)}
    orchestrator.close()


@pytest.mark.parametrize("broken", [lambda self, events: 1 / 0, lambda self, events: "done"])
async def test_an_exporter_that_raises_or_returns_rubbish_keeps_its_events(broken, caplog):
    exporter = type("Broken", (BaseAnalyticsExporter,), {"export": broken})()
    analytics = AnalyticsCoordinator(exporters=[exporter])
    orchestrator = AgentOrchestrator(model=ScriptedModel("Hello!"), analytics_coordinator=analytics)
    await orchestrator.chat("Hi")
    result = await analytics.export_analytics()
    assert (result.success, result.exported_count) == (False, 0)
    assert result.pending > 0
    orchestrator.close()


def test_an_exporter_without_export_is_refused_at_once():
    with pytest.raises(TypeError, match="must define `async def export"):
        AnalyticsCoordinator(exporters=[type("Empty", (BaseAnalyticsExporter,), {})()])


async def test_content_is_exported_only_when_asked_for():
    class Plain(BaseAnalyticsExporter):
        def __init__(self):
            self.seen = []

        async def export(self, events):
            self.seen += events

    class WithContent(Plain):
        include_content = True

    plain, full = Plain(), WithContent()
    analytics = AnalyticsCoordinator(exporters=[plain, full])
    orchestrator = AgentOrchestrator(model=ScriptedModel("secret answer"), analytics_coordinator=analytics)
    await orchestrator.chat("secret question")
    await analytics.flush()
    assert "secret" not in str(plain.seen)
    assert "secret question" in str(full.seen)
    assert "secret answer" in str(full.seen)
    orchestrator.close()


async def test_exporters_get_the_sessions_of_their_own_coordinator_only():
    class Keeping(BaseAnalyticsExporter):
        def __init__(self):
            self.seen = []

        async def export(self, events):
            self.seen += events

    first, second = Keeping(), Keeping()
    orchestrators = [
        AgentOrchestrator(model=ScriptedModel("a", "b"), analytics_coordinator=AnalyticsCoordinator([exporter]))
        for exporter in (first, second)
    ]
    for orchestrator in orchestrators:
        await orchestrator.chat("Hi")
        await orchestrator.analytics_coordinator.track_event("x_mine")
    for orchestrator, exporter in zip(orchestrators, (first, second), strict=True):
        result = await orchestrator.analytics_coordinator.export_analytics()
        assert result.exported_count == len(exporter.seen) > 0
        assert {event.session_id for event in exporter.seen} == {orchestrator.session_id}
        assert "x_mine" in {event.type for event in exporter.seen}
        orchestrator.close()


async def test_an_exporter_that_comes_back_goes_on_and_another_begins_at_the_beginning():
    class Keeping(BaseAnalyticsExporter):
        def __init__(self):
            self.seen = []

        async def export(self, events):
            self.seen += events

    first, second = Keeping(), Keeping()
    analytics = AnalyticsCoordinator([first])
    orchestrator = AgentOrchestrator(model=ScriptedModel("a", "b"), analytics_coordinator=analytics)
    await orchestrator.chat("Hi")
    await analytics.flush()
    analytics.remove_exporter(first)
    analytics.add_exporter(second)
    analytics.add_exporter(first)
    await orchestrator.chat("Hi")
    result = await analytics.flush()
    ids = [[event.id for event in exporter.seen] for exporter in (first, second)]
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == len(ids[0]) == result.exported_count
    orchestrator.close()
