"""The services that other tests rely on are real: what is sent to them can be read back."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest
from support.services import Answer, Webhook, http_request, require_or_skip


async def add_event(dsn: str) -> list[tuple[str, str]]:
    asyncpg = pytest.importorskip("asyncpg")
    connection = await asyncpg.connect(dsn)
    await connection.execute("CREATE TABLE events (id text, data jsonb)")
    await connection.executemany("INSERT INTO events VALUES ($1, $2)", [("a", json.dumps({"n": 1})), ("b", "{}")])
    rows = await connection.fetch("SELECT id, data->>'n' AS n FROM events ORDER BY id")
    await connection.close()
    return [(row["id"], row["n"]) for row in rows]


@pytest.mark.parametrize("test", [1, 2])
def test_postgres_gives_every_test_an_empty_database(postgres: str, test: int) -> None:
    assert asyncio.run(add_event(postgres)) == [("a", "1"), ("b", None)]


@pytest.mark.parametrize("test", [1, 2])
def test_what_is_pushed_can_be_scraped(pushgateway: str, test: int) -> None:
    from prometheus_client import CollectorRegistry, Gauge, push_to_gateway

    registry = CollectorRegistry()
    Gauge(f"victor_turns_{test}", "turns", registry=registry).set(17)
    push_to_gateway(pushgateway, job="victor", registry=registry)
    _, metrics = http_request("GET", f"{pushgateway}/metrics")
    assert f'victor_turns_{test}{{instance="",job="victor"}} 17' in metrics
    assert f"victor_turns_{3 - test}" not in metrics


def test_the_webhook_sees_a_post(webhook: Webhook) -> None:
    answer = httpx.post(webhook.url, json={"type": "x"}, headers={"Authorization": "Bearer t"})
    [posted] = webhook.wait_for(1)
    assert (answer.status_code, posted.method, posted.path) == (200, "POST", "/events")
    assert (posted.headers["authorization"], posted.json()) == ("Bearer t", {"type": "x"})


def test_the_webhook_fails_as_told(webhook: Webhook) -> None:
    webhook.answer(Answer(503, {"Retry-After": "2"}), Answer(reset=True), Answer(delay_s=60))
    refused = httpx.post(webhook.url)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
    with pytest.raises(httpx.TransportError):
        httpx.post(webhook.url)
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(webhook.url, timeout=0.2)
    assert httpx.post(webhook.url).status_code == 200
    assert len(webhook.requests) == 4


def test_a_missing_service_skips_unless_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VICTOR_TEST_REQUIRE_SERVICES", raising=False)
    with pytest.raises(pytest.skip.Exception, match="apt-get install thing"):
        require_or_skip("Thing", "apt-get install thing")
    monkeypatch.setenv("VICTOR_TEST_REQUIRE_SERVICES", "1")
    with pytest.raises(pytest.fail.Exception, match="apt-get install thing"):
        require_or_skip("Thing", "apt-get install thing")
