"""Configuration by HTTP, from a real server that answers, refuses, stalls and breaks off."""

from __future__ import annotations

import asyncio
import base64
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from support.services import Answer, Webhook, free_port

from victor_nb.agent.coordinators import ConfigCoordinator
from victor_nb.config import HTTPConfigProvider
from victor_nb.config.http_answers import HTTPConfigError, retry_after
from victor_nb.errors import ConfigError


def answer(body: Any, **headers: str) -> Answer:
    return Answer(headers={"content-type": "application/json", **headers}, body=json.dumps(body).encode())


async def failed(provider: HTTPConfigProvider, session_id: str = "s") -> str:
    with pytest.raises(HTTPConfigError) as caught:
        await provider.get_config(session_id)
    return f"{caught.value} {caught.value.__cause__}"


async def test_the_session_is_a_parameter_or_part_of_the_path(webhook: Webhook) -> None:
    webhook.otherwise = answer({"temperature": 0.2})
    assert await HTTPConfigProvider(webhook.url).get_config("a b&c") == {"temperature": 0.2}
    await HTTPConfigProvider(f"{webhook.url}?team=x", session_parameter="for").get_config("s")
    await HTTPConfigProvider(f"{webhook.url}/{{session_id}}/config").get_config("a/../b?")
    await HTTPConfigProvider(webhook.url, session_parameter=None).get_config("s")
    assert [posted.path for posted in webhook.requests] == [
        "/events?session_id=a+b%26c",
        "/events?team=x&for=s",
        "/events/a%2F..%2Fb%3F/config",
        "/events",
    ]
    assert {posted.method for posted in webhook.requests} == {"GET"}


async def test_headers_and_credentials_are_sent(webhook: Webhook) -> None:
    webhook.otherwise = answer({})
    numbers = iter(range(9))
    url = webhook.url.replace("://", "://ada:pa%20ss@")
    provider = HTTPConfigProvider(url, headers=lambda: {"X-Number": str(next(numbers))})
    await provider.get_config("s")
    await provider.get_config("s")
    first, second = (posted.headers for posted in webhook.requests)
    assert (first["x-number"], second["x-number"]) == ("0", "1")
    assert first["authorization"] == f"Basic {base64.b64encode(b'ada:pa ss').decode()}"


async def test_a_header_that_cannot_be_sent_is_named_and_not_shown(webhook: Webhook) -> None:
    for value in ("canary…", "canary\n", 7):
        error = await failed(HTTPConfigProvider(webhook.url, headers={"X-Key": value}))  # type: ignore[dict-item]
        assert error.startswith("The header X-Key cannot be sent")
        assert "canary" not in error


async def test_an_answer_that_has_not_changed_is_not_sent_again(webhook: Webhook) -> None:
    webhook.answer(answer({"a": [1]}, etag='"one"'), Answer(304), answer({"a": 2}, etag='"two"'))
    provider = HTTPConfigProvider(webhook.url)
    first = await provider.get_config("s")
    first["a"].append("changed by the caller")
    assert await provider.get_config("s") == {"a": [1]}
    assert await provider.get_config("s") == {"a": 2}
    assert await failed(HTTPConfigProvider(webhook.url)) != ""  # an empty body is no JSON
    sent = [posted.headers.get("if-none-match") for posted in webhook.requests]
    assert sent == [None, '"one"', '"one"', None]


async def test_the_configuration_may_be_anywhere_in_the_answer(webhook: Webhook) -> None:
    webhook.otherwise = answer({"data": {"config": {"a": 1}, "none": None, "list": []}})
    assert await HTTPConfigProvider(webhook.url, key="data.config").get_config("s") == {"a": 1}
    assert await HTTPConfigProvider(webhook.url, key="data.none").get_config("s") == {}
    assert "has nothing under 'data.conf'" in await failed(HTTPConfigProvider(webhook.url, key="data.conf"))
    assert "is a list under 'data.list'" in await failed(HTTPConfigProvider(webhook.url, key="data.list"))
    webhook.otherwise = Answer(204)
    assert await HTTPConfigProvider(webhook.url).get_config("s") == {}


async def test_what_may_pass_is_asked_again_and_what_may_not_is_not(webhook: Webhook) -> None:
    webhook.answer(Answer(503), Answer(reset=True), answer({"a": 1}))
    assert await HTTPConfigProvider(webhook.url).get_config("s") == {"a": 1}
    assert len(webhook.requests) == 3
    webhook.otherwise = Answer(401)
    assert "answered 401 Unauthorized. Check `headers`" in await failed(HTTPConfigProvider(webhook.url))
    assert len(webhook.requests) == 4
    webhook.otherwise = Answer(302, {"location": "http://elsewhere.example/"})
    assert "It redirects" in await failed(HTTPConfigProvider(webhook.url))
    webhook.otherwise = Answer(404)
    assert "optional=True" in await failed(HTTPConfigProvider(webhook.url))
    assert await HTTPConfigProvider(webhook.url, optional=True).get_config("s") == {}


async def test_the_server_says_when_to_come_again(webhook: Webhook) -> None:
    webhook.answer(Answer(429, {"retry-after": "0"}), answer({"a": 1}))
    assert await HTTPConfigProvider(webhook.url, attempts=2).get_config("s") == {"a": 1}
    webhook.otherwise = Answer(503, {"retry-after": "3600"})
    asked = len(webhook.requests)
    assert "asks to wait for 3600 s" in await failed(HTTPConfigProvider(webhook.url))
    assert len(webhook.requests) == asked + 1
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert retry_after(format_datetime(now + timedelta(seconds=90), usegmt=True), now) == 90
    assert retry_after("soon", now) is None


async def test_a_server_that_stalls_is_given_up(webhook: Webhook) -> None:
    webhook.otherwise = Answer(stalls_after=3)
    provider = HTTPConfigProvider(webhook.url, timeout_s=0.2, attempts=2)
    assert "did not answer in 0.2 s" in await failed(provider)
    assert len(webhook.requests) == 2
    assert provider.timeout_s > 0.4


async def test_the_last_good_answer_is_kept_when_told_to(webhook: Webhook) -> None:
    webhook.answer(answer({"a": 1}))
    webhook.otherwise = Answer(500)
    provider = HTTPConfigProvider(webhook.url, keep_last=True, attempts=1)
    assert await provider.get_config("s") == {"a": 1}
    with pytest.warns(UserWarning, match=r"answered 500.*Its answer of 0 s ago is used") as caught:
        assert [await provider.get_config("s") for _ in range(3)] == [{"a": 1}] * 3
    assert len(caught) == 1
    assert "answered 500" in await failed(provider, "another session")


async def test_no_error_shows_a_secret(webhook: Webhook) -> None:
    url = webhook.url.replace("://", "://canary-user:canary-pass@") + "?key=canary-query"
    provider = HTTPConfigProvider(url, headers={"X-Key": "canary-header"}, attempts=1)
    texts = [repr(provider)]
    for bad in (Answer(401, body=b"canary-body"), Answer(200, body=b"canary-body"), Answer(reset=True)):
        webhook.answer(bad)
        texts.append(await failed(provider))
    texts.append(
        await failed(
            HTTPConfigProvider(url.replace(f":{url.split(':')[3].split('/')[0]}", f":{free_port()}"), attempts=1)
        )
    )
    assert "canary" not in " ".join(texts)
    assert "127.0.0.1" in texts[-1]


def test_wrong_arguments_are_refused_at_once() -> None:
    for wrong in ("ftp://x/", "localhost/x", "http://", "http://a b/", "http://{session_id}.x.org/", None):
        with pytest.raises(ConfigError, match="must be http or https"):
            HTTPConfigProvider(wrong)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"\{session\} is no part of a URL.*\{session_id\}"):
        HTTPConfigProvider("http://x.org/{session}")
    with pytest.raises(ConfigError, match="attempts is 0"):
        HTTPConfigProvider("http://x.org/", attempts=0)
    with pytest.raises(ConfigError, match="timeout_s is -1"):
        HTTPConfigProvider("http://x.org/", timeout_s=-1)


async def test_concurrent_loads_are_one_request(webhook: Webhook) -> None:
    webhook.otherwise = answer({"a": 1})
    coordinator = ConfigCoordinator([HTTPConfigProvider(webhook.url, ttl_s=60)])
    loads = await asyncio.gather(*(coordinator.load_config("s") for _ in range(20)), coordinator.load_config("other"))
    assert loads == [{"a": 1}] * 21
    assert len(webhook.requests) == 2
    await coordinator.load_config("s")
    coordinator.invalidate()
    await coordinator.load_config("s")
    assert len(webhook.requests) == 3
