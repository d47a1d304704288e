"""Configuration from a web service that answers GET with JSON. Nothing stays open between two loads, so that it can be
asked from any event loop.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import random
import re
import ssl
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

from victor_nb.config.fetch import checked_seconds
from victor_nb.config.http_answers import MAX_BYTES, HTTPConfigError, LastAnswer, LastAnswers, config_in, refusal
from victor_nb.config.merge import copied
from victor_nb.config.secrecy import shown_url
from victor_nb.errors import ConfigError

if TYPE_CHECKING:
    import httpx

_PLACE: Final = "{session_id}"
_LONGEST_WAIT_S: Final = 5.0
Headers = Mapping[str, str] | Callable[[], Mapping[str, str]]


class HTTPConfigProvider:
    """GETs the configuration of a session as JSON.

    A load asks again when that may help (no connection, a timeout, 408, 425, 429, 5xx): after a short wait that grows,
    or the one that the server asks for in Retry-After, if that is at most 5 s. An answer with an ETag is asked for with
    If-None-Match the next time. 204 is no opinion. Redirects are not followed. No error shows user, password, query or
    headers.

    Args:
        url: with `{session_id}` in its path, or else the session id is sent as a parameter.
        session_parameter: the parameter's name; None sends none.
        headers: sent with every request; or a function that gives them, called for each.
        key: where in the answer the configuration is, as in `data.config`; the whole of it by default.
        timeout_s: seconds until one request is given up.
        attempts: how often to ask at most.
        keep_last: whether the session's last good answer is taken when there is no new one, with a warning.
        optional: whether 404 is no opinion, rather than a failure.
        ttl_s: for so many seconds an answer is taken without asking; the coordinator's `ttl_s` by default.

    Raises:
        ConfigError: an argument cannot be used.
    """

    def __init__(
        self,
        url: str,
        *,
        session_parameter: str | None = "session_id",
        headers: Headers | None = None,
        key: str | None = None,
        timeout_s: float = 3.0,
        attempts: int = 3,
        keep_last: bool = False,
        optional: bool = False,
        ttl_s: float | None = None,
        priority: int = 40,
    ) -> None:
        self._url, self.ttl_s = _checked_url(url), checked_seconds("ttl_s", ttl_s, None, least=0)
        self._parameter = None if _PLACE in url else session_parameter
        self._headers = headers
        self._path = tuple(key.split(".")) if key else ()
        self._request_timeout_s = checked_seconds("timeout_s", timeout_s, None)
        if isinstance(attempts, bool) or not isinstance(attempts, int) or attempts < 1:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigError(f"attempts is {attempts!r}, and must be a whole number from 1.")
        self._attempts = attempts
        self.timeout_s = attempts * (timeout_s + _LONGEST_WAIT_S)
        """The most that a load takes; a coordinator waits for that long."""
        self._keep_last = keep_last
        self._optional = optional
        self._priority = priority
        self._last = LastAnswers()
        self._warned: set[str] = set()
        self._trust: ssl.SSLContext | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({shown_url(self._url)!r})"

    def priority(self) -> int:
        return self._priority

    async def get_config(self, session_id: str) -> dict[str, Any]:
        """
        Raises:
            HTTPConfigError: there is no configuration to be had.
        """
        last = self._last.get(session_id)
        try:
            config = await self._asked(session_id, last)
        except HTTPConfigError as error:
            if not self._keep_last or last is None:
                raise
            self._warn(session_id, error, last)
            return copied(last.config)
        self._warned.discard(session_id)
        return config

    async def _asked(self, session_id: str, last: LastAnswer | None) -> dict[str, Any]:
        for attempt in range(1, self._attempts + 1):
            try:
                return await self._ask(session_id, last)
            except HTTPConfigError as error:
                wait = _backoff(attempt) if error.retry_after_s is None else error.retry_after_s
                if not error.retryable or attempt == self._attempts or wait > _LONGEST_WAIT_S:
                    raise
            await asyncio.sleep(wait)
        raise AssertionError("unreachable")

    async def _ask(self, session_id: str, last: LastAnswer | None) -> dict[str, Any]:
        import httpx

        url = self._url.replace(_PLACE, quote(session_id, safe=""))
        shown = shown_url(self._url)
        headers = self._asking(last)
        try:
            async with asyncio.timeout(self._request_timeout_s), await self._client() as client:
                target = httpx.URL(url)
                if self._parameter:
                    target = target.copy_merge_params({self._parameter: session_id})
                async with client.stream("GET", target, headers=headers) as answer:
                    return await self._understood(answer, session_id, last)
        except TimeoutError:
            raise HTTPConfigError(f"{shown} did not answer in {self._request_timeout_s:g} s.", retryable=True) from None
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            retryable = isinstance(error, httpx.TransportError) and not isinstance(error, httpx.UnsupportedProtocol)
            raise HTTPConfigError(f"{shown} could not be asked: {type(error).__name__}.", retryable=retryable) from None

    def _asking(self, last: LastAnswer | None) -> dict[str, str]:
        given = self._headers() if callable(self._headers) else self._headers or {}
        for name, value in given.items():
            if not (isinstance(value, str) and value.isascii() and value.isprintable()):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise HTTPConfigError(f"The header {name} cannot be sent: its value must be text of ASCII characters.")
        etag = {"If-None-Match": last.etag} if last and last.etag else {}
        return {"Accept": "application/json", **given, **etag}

    async def _understood(self, answer: httpx.Response, session_id: str, last: LastAnswer | None) -> dict[str, Any]:
        if answer.status_code == 304 and last:
            self._last.keep(session_id, last.config, last.etag)
            return copied(last.config)
        if answer.status_code == 204 or (answer.status_code == 404 and self._optional):
            self._last.keep(session_id, {}, None)
            return {}
        shown = shown_url(self._url)
        if answer.status_code != 200:
            raise refusal(shown, answer.status_code, answer.headers)
        body = bytearray()
        async for chunk in answer.aiter_bytes():
            body += chunk
            if len(body) > MAX_BYTES:
                raise HTTPConfigError(f"The answer of {shown} is longer than {MAX_BYTES // 2**20} MiB.")
        config = config_in(shown, bytes(body), self._path)
        self._last.keep(session_id, config, answer.headers.get("etag"))
        return config

    async def _client(self) -> httpx.AsyncClient:
        import httpx

        if self._trust is None:  # reading the system's certificates takes long, and is of no use to http
            secure = self._url.startswith("https:")
            self._trust = await asyncio.to_thread(ssl.create_default_context) if secure else _NO_TRUST
        try:
            return httpx.AsyncClient(verify=self._trust, timeout=None, follow_redirects=False)
        except ValueError:  # its text repeats the proxy's URL, which may hold a password
            raise HTTPConfigError(
                "The proxy of the environment cannot be used.", hint="Check HTTPS_PROXY, HTTP_PROXY and ALL_PROXY."
            ) from None

    def _warn(self, session_id: str, error: HTTPConfigError, last: LastAnswer) -> None:
        """Once until the server answers again."""
        if session_id not in self._warned:
            self._warned.add(session_id)
            age = (dt.datetime.now(dt.UTC) - last.at).total_seconds()
            warnings.warn(f"{error.message} Its answer of {age:.0f} s ago is used.", UserWarning, stacklevel=3)


_NO_TRUST: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _backoff(attempt: int) -> float:
    """Seconds to wait after the failed `attempt` (1 is the first): 0.1, 0.2, 0.4 … with up to half as much again."""
    # A generator of its own, so that a notebook's `random.seed` neither is disturbed nor makes kernels move in step.
    return 0.1 * 2.0 ** (attempt - 1) * (1 + 0.5 * random.SystemRandom().random())


def _checked_url(url: object) -> str:
    text = url if isinstance(url, str) and not re.search(r"[\x00-\x20\x7f]", url) else ""
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 and "{" not in parts.netloc
    except ValueError:
        usable = False
    if not usable:
        raise ConfigError(
            "The URL of the configuration cannot be used: it must be http or https, with a host, and without spaces.",
            hint='As in HTTPConfigProvider("https://config.example.org/sessions/{session_id}").',
        )
    if wrong := sorted(set(re.findall(r"\{[^{}]*\}", text)) - {_PLACE}):
        raise ConfigError(f"{wrong[0]} is no part of a URL that is filled in.", hint=f"Write {_PLACE}.")
    return text
