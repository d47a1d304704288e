"""Events to an HTTP endpoint, as JSON, with one key per batch and, if wanted, a signature.

One client is kept per event loop and closed there. What an answer means is in `webhook_answer`, what may be said of
the URL in `webhook_address`.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from gzip import compress
from os import PathLike
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from victor_nb.errors import ConfigError, ExportError
from victor_nb.exporters import webhook_address, webhook_signature
from victor_nb.exporters.base import BaseAnalyticsExporter
from victor_nb.exporters.event_json import json_bytes
from victor_nb.exporters.webhook_answer import WebhookAnswer, failure
from victor_nb.protocols import AnalyticsEvent, ExportResult

if TYPE_CHECKING:
    import ssl

    import httpx

_MOST_REDIRECTS = 3
_READ_BYTES = 64 * 1024  # of an answer's body; what is longer is left unread
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\x20-\x7e\t]*")


@dataclass(frozen=True)
class _Batch:
    id: str
    body: bytes
    encoding: Mapping[str, str]


class WebhookAnalyticsExporter(BaseAnalyticsExporter):
    """POST batches of events to `url` as `{"batch_id": …, "count": …, "events": […]}`.

    The header `Idempotency-Key` is the `batch_id`: the same whenever the same events are sent again. 2xx confirms a
    batch. 400, 413 and 422 refuse its events for good; everything else is tried again. A redirect (307, 308) is
    followed to the same host only.

    Args:
        url: http or https. User and password in it are sent as basic authentication. Neither these nor the query are
            ever shown.
        headers: sent with every request, never shown.
        secret: signs every request by Standard Webhooks: `whsec_` and base64, or any text (its UTF-8 is the key), or
            bytes; several of them sign several times.
        gzip: compress the body. The signature is over the bytes sent.
        include_content: send prompts, answers, tool arguments and results too.
        batch_size: the most events in one request.
        batch_bytes: about the most JSON in one request, before compression.
        timeout_s: seconds from connecting to the end of the answer.
        verify: False to accept any certificate, or an SSLContext, or the path of a file of certificates to trust.
        transport: an httpx transport in place of the network's.
        destination: what it is known by, when two webhooks differ in their query alone.

    Raises:
        ConfigError: the URL, a header or the secret cannot be used.
    """

    def __init__(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        secret: str | bytes | Iterable[str | bytes] | None = None,
        gzip: bool = False,
        include_content: bool = False,
        batch_size: int = 200,
        batch_bytes: int = 512 * 1024,
        timeout_s: float = 30.0,
        verify: bool | str | PathLike[str] | ssl.SSLContext = True,
        transport: httpx.AsyncBaseTransport | None = None,
        destination: str | None = None,
    ) -> None:
        self._address = webhook_address.parse(url)
        self._headers = _checked(headers or {})
        self._signer = None if secret is None else webhook_signature.signer(secret)
        self._gzip = gzip
        self._verify = verify
        self._transport = transport
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, httpx.AsyncClient] = WeakKeyDictionary()
        self.include_content = include_content
        self.batch_size = batch_size
        self.batch_bytes = batch_bytes
        self.timeout_s = timeout_s
        self.destination = destination or self._address.shown

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._address.shown!r})"

    async def export(self, events: list[AnalyticsEvent]) -> ExportResult:
        """Send `events` in one request.

        Raises:
            ExportError: they were not confirmed; `retryable` is False where the server refuses them.
        """
        import httpx

        if not events:
            return ExportResult(True)
        shown = self._address.shown
        try:
            # a little less than the delivery waits, so that the error says who was slow
            async with asyncio.timeout(self.timeout_s * 0.95):
                answer = await self._sent(self._packed(events))
        except TimeoutError:
            raise ExportError(f"{shown} did not answer in {self.timeout_s:g} s.") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ExportError(f"{shown} could not be reached: {_reason(error)}.") from None
        if not answer.confirms:
            raise failure(shown, answer, self._secrets())
        return ExportResult(True, len(events))

    async def close(self) -> None:
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.aclose()

    def _packed(self, events: Sequence[AnalyticsEvent]) -> _Batch:
        """The same events are always the same bytes, as a server that compares them with the key may demand."""
        digest = hashlib.sha256("\n".join(event.id for event in events).encode("utf-8", "replace")).hexdigest()
        batch_id = f"batch_{digest[:32]}"
        dumped = [event.model_dump() for event in events]
        body = json_bytes({"batch_id": batch_id, "count": len(dumped), "events": dumped})
        if self._gzip:
            return _Batch(batch_id, compress(body, mtime=0), {"content-encoding": "gzip"})
        return _Batch(batch_id, body, {})

    async def _sent(self, batch: _Batch) -> WebhookAnswer:
        address, headers = self._address, self._request_headers(batch)
        for _ in range(_MOST_REDIRECTS + 1):
            answer = await self._posted(address.url, batch.body, headers)
            location = answer.headers.get("location")
            if answer.status not in (307, 308) or not location:
                return answer
            address = webhook_address.parse(address.redirected(location, answer.status))
        raise ExportError(f"{self._address.shown} redirects round and round.", hint="check the URL")

    async def _posted(self, url: str, body: bytes, headers: Mapping[str, str]) -> WebhookAnswer:
        client, auth = self._client(), self._address.auth
        async with client.stream("POST", url, content=body, headers=headers, auth=auth) as response:
            answered = {name.lower(): value for name, value in response.headers.items()}
            return WebhookAnswer(response.status_code, answered, await _beginning(response))

    def _request_headers(self, batch: _Batch) -> dict[str, str]:
        """The user's headers may change how the body is labelled, but not what the batch is."""
        defaults = {"content-type": "application/json", "user-agent": "victor-nb", "accept-encoding": "identity"}
        own = {"idempotency-key": batch.id, **batch.encoding}
        if self._signer:
            own |= self._signer.headers(batch.id, int(time.time()), batch.body)
        return defaults | self._headers | own

    def _client(self) -> httpx.AsyncClient:
        import httpx

        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None or client.is_closed:
            try:
                # the time limit is the one around the whole export: httpx's own are per read
                client = httpx.AsyncClient(verify=_trust(self._verify), transport=self._transport, timeout=None)
            except ValueError:  # its text repeats the proxy's URL, which may hold a password
                raise ExportError(
                    "the proxy of the environment cannot be used.", hint="check HTTPS_PROXY, HTTP_PROXY and ALL_PROXY"
                ) from None
            except OSError as error:
                raise ExportError(f"the certificates of `verify` cannot be read: {error.strerror}.") from None
            self._clients[loop] = client
        return client

    def _secrets(self) -> tuple[str, ...]:
        words = [word for value in self._headers.values() for word in (value, *value.split())]
        return (*words, *self._address.secrets)


def _checked(headers: Mapping[str, str]) -> dict[str, str]:
    """Names in lower case. A value that HTTP cannot carry is refused here, where no error message repeats it."""
    if not isinstance(headers, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigError(
            f"headers are a dict, not {type(headers).__name__}.", hint='as in {"Authorization": "Bearer …"}'
        )
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name):
            raise ConfigError(
                f"{name!r} is not the name of an HTTP header.", hint='as in {"Authorization": "Bearer …"}'
            )
        if not _HEADER_VALUE.fullmatch(value):
            raise ConfigError(
                f"the value of the webhook's header {name!r} has a line break, or a character that is not ASCII.",
                hint="a token read from a file often ends in a line break: use .strip()",
            )
    return {name.lower(): value.strip() for name, value in headers.items()}


def _trust(verify: bool | str | PathLike[str] | ssl.SSLContext) -> bool | ssl.SSLContext:
    import ssl

    return ssl.create_default_context(cafile=verify) if isinstance(verify, str | PathLike) else verify


async def _beginning(response: httpx.Response) -> bytes:
    if response.is_stream_consumed:  # a transport of the user's own may answer in one piece
        return response.content
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) >= _READ_BYTES:
            break
    return bytes(body)


def _reason(error: Exception) -> str:
    """What a transport error says, which is never more than the reason: httpx puts no URL and no header into it.
    A header that it could not send is named in `LocalProtocolError`, so that one keeps quiet."""
    import httpx

    if isinstance(error, httpx.LocalProtocolError | httpx.InvalidURL):
        return type(error).__name__
    said = str(error).strip().rstrip(".")
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
