"""Events by HTTP, to a real server that refuses, stalls, breaks off and redirects."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import gzip
import hashlib
import hmac
import json
import logging

import httpx
import pytest
from support.event_batches import batch, event
from support.services import Answer, Webhook, free_port

from victor_nb.agent.coordinators import AnalyticsCoordinator
from victor_nb.agent.orchestrator import AgentOrchestrator
from victor_nb.errors import ConfigError, ExportError
from victor_nb.exporters.webhook import WebhookAnalyticsExporter
from victor_nb.exporters.webhook_answer import retry_after
from victor_nb.testing import ScriptedModel

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()


async def failed(exporter: WebhookAnalyticsExporter, events: list) -> ExportError:
    with pytest.raises(ExportError) as caught:
        await exporter.export(events)
    return caught.value


@pytest.fixture
async def post(webhook: Webhook):
    """Makes exporters for the webhook, and closes them."""
    made: list[WebhookAnalyticsExporter] = []

    def make(url: str = webhook.url, **options) -> WebhookAnalyticsExporter:
        made.append(WebhookAnalyticsExporter(url, **options))
        return made[-1]

    yield make
    for exporter in made:
        await exporter.close()


async def test_a_batch_arrives_as_json_with_a_key_that_a_retry_repeats(webhook, post):
    events = batch(3, data={"größe": "10\u2028µm"})
    exporter = post(headers={"Authorization": "Bearer token", "Content-Type": "application/vnd.us+json"})
    webhook.answer(Answer(500))
    await failed(exporter, events)
    result = await exporter.export(events)
    first, second = webhook.requests

    assert (result.success, result.exported_count) == (True, 3)
    assert second.json()["events"] == [e.model_dump() for e in events]
    assert second.json()["count"] == 3
    assert first.body == second.body
    assert second.headers["idempotency-key"] == first.headers["idempotency-key"] == second.json()["batch_id"]
    assert second.headers["authorization"] == "Bearer token"
    assert second.headers["content-type"] == "application/vnd.us+json"
    assert "webhook-signature" not in second.headers
    await exporter.export(events[:2])
    assert webhook.requests[-1].headers["idempotency-key"] != first.headers["idempotency-key"]


async def test_one_connection_serves_all_batches_and_close_ends_it(webhook, post):
    exporter = post()
    for events in (batch(1), batch(1), batch(1)):
        await exporter.export(events)
    assert webhook.connections == 1
    await exporter.close()
    await exporter.export(batch(1))
    assert webhook.connections == 2


@pytest.mark.parametrize("zipped", [False, True])
async def test_the_signature_is_over_the_bytes_sent(webhook, post, zipped):
    await post(secret=[SECRET, "the next one"], gzip=zipped).export(batch(2))
    (posted,) = webhook.requests
    signed = f"{posted.headers['webhook-id']}.{posted.headers['webhook-timestamp']}.".encode() + posted.body
    keys = [b"0123456789abcdef01234567", b"the next one"]
    expected = [base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode() for key in keys]
    body = gzip.decompress(posted.body) if zipped else posted.body

    assert posted.headers["webhook-signature"] == f"v1,{expected[0]} v1,{expected[1]}"
    assert abs(int(posted.headers["webhook-timestamp"]) - dt.datetime.now(dt.UTC).timestamp()) < 300
    assert posted.headers.get("content-encoding") == ("gzip" if zipped else None)
    assert json.loads(body)["count"] == 2
    assert not zipped or posted.body[4:8] == bytes(4)  # no time of day: a retry is the same bytes


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_what_is_wrong_with_the_events_is_not_to_be_repeated(webhook, post, status):
    webhook.answer(Answer(status, body=b'{"error": "field \x1b[31m x"}' + b"." * 100_000))
    error = await failed(post(), batch(2))
    assert not error.retryable
    assert f"answered {status}" in error.message
    assert 'field [31m x"}..' in error.message
    assert len(error.message) < 300


@pytest.mark.parametrize("status", [302, 304, 401, 403, 404, 408, 409, 410, 425, 429, 499, 500, 503, 599])
async def test_what_is_wrong_elsewhere_keeps_the_events(webhook, post, status):
    webhook.answer(Answer(status))
    error = await failed(post(), batch(2))
    assert error.retryable
    assert f"answered {status}" in error.message
    assert error.retry_after_s is None
    assert (await post().export(batch(1))).success


async def test_the_server_says_when_to_come_back(webhook, post):
    webhook.answer(Answer(429, headers={"Retry-After": "17"}), Answer(503, headers={"retry-after": "soon"}))
    exporter = post()
    assert (await failed(exporter, batch(1))).retry_after_s == 17
    assert (await failed(exporter, batch(1))).retry_after_s is None
    noon = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)
    assert retry_after("Thu, 01 Jan 2026 12:00:30 GMT", noon) == 30
    assert retry_after("Thu, 01 Jan 2026 11:00:30 GMT", noon) == 0
    assert retry_after("-5", noon) is None


@pytest.mark.parametrize(
    ("answer", "timeout_s"),
    [
        (Answer(reset=True), 10),
        (Answer(body=b"half of it", reset=True), 10),
        (Answer(delay_s=30), 1),
        (Answer(stalls_after=3), 1),
    ],
)
async def test_no_whole_answer_is_no_confirmation(webhook, post, answer, timeout_s):
    webhook.answer(answer)
    exporter = post(timeout_s=timeout_s)
    error = await failed(exporter, batch(2))
    assert error.retryable
    assert webhook.url in error.message
    assert (await exporter.export(batch(1))).success


async def test_an_address_where_nobody_is(post):
    port = free_port()
    for url in (f"http://127.0.0.1:{port}/events", "http://nobody.invalid/events"):
        error = await failed(post(url), batch(1))
        assert error.retryable
        assert f"{url} could not be reached: ConnectError: " in error.message


@pytest.mark.parametrize("status", [307, 308])
async def test_a_redirect_on_the_same_host_is_followed_with_the_body(webhook, post, status):
    webhook.answer(Answer(status, headers={"Location": "/v2/events?x=1#top"}))
    await post(secret=SECRET).export(batch(2))
    first, second = webhook.requests
    assert (second.method, second.path) == ("POST", "/v2/events?x=1")
    assert second.body == first.body
    assert second.headers["webhook-signature"] == first.headers["webhook-signature"]


async def test_a_redirect_to_another_place_is_refused_and_never_asked(webhook, second_webhook, post):
    for location in (second_webhook.url, "http://localhost:1/x", "http://user:pw@10.0.0.1/x?key=k", "ftp://127.0.0.1/"):
        webhook.answer(Answer(307, headers={"Location": location}))
        error = await failed(post(), batch(1))
        assert "another place" in error.message
        assert "pw" not in str(error)
        assert "key" not in str(error)
    assert second_webhook.requests == []
    assert len(webhook.requests) == 4


@pytest.mark.parametrize(
    ("url", "location", "followed"),
    [
        ("https://example.org/a", "http://example.org/a", False),
        ("https://example.org/a", "https://example.org:443/b", True),
        ("http://example.org/a", "https://example.org/a", True),
        ("http://example.org:8080/a", "https://example.org/a", False),
        ("https://example.org/a", "https://example.org.evil.net/a", False),
        ("https://example.org/a", "//evil.net/a", False),
        ("https://example.org/a", "https://example.org:8443/a", False),
    ],
)
async def test_which_redirects_stay_at_home(post, url, location, followed):
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(200) if len(asked) == 2 else httpx.Response(308, headers={"Location": location})

    exporter = post(url, transport=httpx.MockTransport(answer))
    if followed:
        assert (await exporter.export(batch(1))).success
    else:
        assert "another place" in (await failed(exporter, batch(1))).message
    assert len(asked) == 1 + followed


async def test_going_round_in_circles_ends(webhook, post):
    webhook.otherwise = Answer(307, headers={"Location": "/events"})
    assert "round" in (await failed(post(), batch(1))).message
    assert len(webhook.requests) == 4


async def test_no_secret_is_in_any_message(webhook, post, caplog):
    caplog.set_level(logging.DEBUG, "victor_nb")
    url = webhook.url.replace("http://", "http://user:p%40ssw0rd@") + "?token=query-key"
    exporter = post(url, headers={"X-Key": "header-key"}, secret="signing-key")
    webhook.answer(Answer(403, body=b"header-key p@ssw0rd query-key is wrong"), Answer(reset=True))
    shown = [repr(exporter), str(exporter.destination)]
    shown += [str(await failed(exporter, batch(1))), str(await failed(exporter, batch(1))), caplog.text]
    posted = webhook.requests[0]

    assert exporter.destination == webhook.url
    assert "*** *** *** is wrong" in shown[2]
    assert not any(key in text for text in shown for key in ("ssw0rd", "query-key", "header-key", "signing-key"))
    assert base64.b64decode(posted.headers["authorization"].removeprefix("Basic ")) == b"user:p@ssw0rd"
    assert posted.path == "/events?token=query-key"


@pytest.mark.parametrize("url", ["", "example.org", "ftp://example.org", "http://", "http://h:99999", "http://h/a b\n"])
def test_a_url_that_cannot_be_used_is_refused_at_once(url):
    with pytest.raises(ConfigError, match="URL cannot be used"):
        WebhookAnalyticsExporter(url)


@pytest.mark.parametrize("headers", [{"Authorization": "Bearer key\n"}, {"X-Key": "clé"}, {"X Key": "x"}])
def test_a_header_that_cannot_be_sent_is_refused_without_its_value(headers):
    with pytest.raises(ConfigError) as caught:
        WebhookAnalyticsExporter("https://example.org", headers=headers)
    assert "Bearer key" not in str(caught.value)
    assert "clé" not in str(caught.value)


@pytest.mark.parametrize("secret", ["", b"", [], "whsec_", "whsec_no base64!"])
def test_a_secret_that_signs_nothing_is_refused(secret):
    with pytest.raises(ConfigError, match="secret"):
        WebhookAnalyticsExporter("https://example.org", secret=secret)


async def test_a_proxy_that_cannot_be_used_keeps_its_password(webhook, post, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "gopher://user:pw@proxy")
    error = await failed(post("http://example.org"), batch(1))
    assert error.retryable
    assert "proxy" in error.message
    assert "pw" not in str(error)


async def test_an_event_that_is_not_json_is_refused_before_it_is_sent(webhook, post):
    error = await failed(post(), [event(data={"value": float("nan")})])
    assert not error.retryable
    assert webhook.requests == []


async def test_what_the_server_refuses_is_set_aside_and_everything_else_arrives_once(webhook):
    webhook.judge = lambda posted: Answer(422, body=b"no poison") if b"x_poison" in posted.body else None
    analytics = AnalyticsCoordinator(exporters=[WebhookAnalyticsExporter(webhook.url)])
    orchestrator = AgentOrchestrator(model=ScriptedModel("yes"), analytics_coordinator=analytics)
    for n in range(20):
        analytics.track_event("x_poison" if n in (3, 4, 19) else "x_fine", {"n": n})
    await orchestrator.chat("and on")
    async with asyncio.timeout(30):
        while (result := await analytics.export_analytics()).pending:
            pass
    recorded = (await analytics.get_session_analytics(orchestrator.session_id)).events
    taken = [request for request in webhook.requests if b"x_poison" not in request.body]

    assert result.dead == 3
    assert sorted(e["id"] for request in taken for e in request.json()["events"]) == sorted(
        e.id for e in recorded if e.type != "x_poison"
    )
    orchestrator.close()


async def test_through_a_chat_every_event_arrives_and_prompts_only_if_asked(webhook, second_webhook):
    plain = WebhookAnalyticsExporter(webhook.url, secret=SECRET)
    full = WebhookAnalyticsExporter(second_webhook.url, include_content=True, gzip=True)
    analytics = AnalyticsCoordinator(exporters=[plain, full])
    orchestrator = AgentOrchestrator(model=ScriptedModel("a fine answer"), analytics_coordinator=analytics)
    webhook.answer(Answer(500))
    await orchestrator.chat("my question")
    async with asyncio.timeout(30):
        while not (await analytics.export_analytics()).success:  # one attempt meets the 500
            pass
    recorded = [e.id for e in (await analytics.get_session_analytics(orchestrator.session_id)).events]
    sent = [e["id"] for request in webhook.requests for e in request.json()["events"]]
    whole = b"".join(gzip.decompress(request.body) for request in second_webhook.requests)

    assert set(recorded) <= set(sent)
    assert b"my question" in whole
    assert b"a fine answer" in whole
    assert not any(b"my question" in request.body for request in webhook.requests)
    orchestrator.close()
