"""OTLP over HTTP: where traces and metrics go, by the environment variables of OpenTelemetry, and sending them there.

It knows no event. What is sent is encoded by OpenTelemetry's own library; the request is ours, for its exporters keep
to themselves what was answered and when to try again.
"""

from __future__ import annotations

import datetime as dt
import gzip
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, TypeAlias

from victor_nb.errors import ConfigError, ExportError
from victor_nb.exporters import webhook_address
from victor_nb.exporters.one_request import ask
from victor_nb.exporters.webhook_answer import WebhookAnswer, failure, retry_after

if TYPE_CHECKING:
    import httpx

Signal: TypeAlias = Literal["traces", "metrics"]
_DEFAULT = "http://localhost:4318"
_PREFIX = "OTEL_EXPORTER_OTLP_"
_PROTOBUF = "application/x-protobuf"
_NOT_TAKEN = {404, 405, 501}


@dataclass(frozen=True)
class _Place:
    address: webhook_address.Address
    headers: Mapping[str, str]
    gzip: bool
    timeout_s: float


class Wire:
    """The receiver at `endpoint`, its base URL; by default what the environment says.

    Raises:
        ConfigError: a URL, the headers, a timeout or a compression cannot be used.
    """

    def __init__(self, endpoint: str | None, headers: Mapping[str, str], timeout_s: float | None) -> None:
        if not isinstance(headers, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigError(f"headers are a dict, not {type(headers).__name__}.", hint='as in {"api-key": "…"}')
        self._traces = _place("traces", endpoint, headers, timeout_s)
        self._metrics = _place("metrics", endpoint, headers, timeout_s)
        self.destination = self._traces.address.shown
        self.timeout_s = self._traces.timeout_s + self._metrics.timeout_s

    async def send(self, signal: Signal, body: bytes) -> bytes:
        """The message that was answered, which may say that a part was rejected; empty if none was.

        Raises:
            ExportError: it was not taken; `retryable` is False where it never will be.
        """
        place = self._traces if signal == "traces" else self._metrics
        headers = {"content-type": _PROTOBUF, "user-agent": "victor-nb", **place.headers}
        if place.gzip:
            body, headers["content-encoding"] = gzip.compress(body), "gzip"
        trust = self._trust if place.address.url.startswith("https:") else None
        response = await ask("POST", place.address, body=body, headers=headers, trust=trust, timeout_s=place.timeout_s)
        if response.is_success:  # a proxy may have answered with a page
            spoken = response.headers.get("content-type", "").startswith(_PROTOBUF)
            return response.content if spoken else b""
        raise _refused(signal, place, response)

    @cached_property
    def _trust(self) -> ssl.SSLContext:
        """Read once, for it takes long."""
        context = ssl.create_default_context(cafile=_variable("traces", "CERTIFICATE"))
        if certificate := _variable("traces", "CLIENT_CERTIFICATE"):
            context.load_cert_chain(certificate, _variable("traces", "CLIENT_KEY"))
        return context


def _place(signal: Signal, endpoint: str | None, headers: Mapping[str, str], timeout_s: float | None) -> _Place:
    from opentelemetry.util.re import parse_env_headers

    told = parse_env_headers(_variable(signal, "HEADERS") or "", liberal=True)
    compression = (_variable(signal, "COMPRESSION") or "none").strip().lower()
    if compression not in ("none", "gzip"):
        raise ConfigError(f"{_PREFIX}COMPRESSION={compression!r} is not supported.", hint="use gzip or none")
    return _Place(
        _parsed(_url(signal, endpoint)),
        {**told, **{name.lower(): value for name, value in headers.items()}},
        compression == "gzip",
        timeout_s if timeout_s is not None else _seconds(signal),
    )


def _url(signal: Signal, endpoint: str | None) -> str:
    """`endpoint` and the general variable are the base of both signals, the variable of one signal is all of it."""
    if endpoint is None and (whole := os.environ.get(f"{_PREFIX}{signal.upper()}_ENDPOINT")):
        return whole
    base = str(endpoint or os.environ.get(f"{_PREFIX}ENDPOINT") or _DEFAULT).rstrip("/")
    return f"{base.removesuffix('/v1/traces')}/v1/{signal}"


def _parsed(url: str) -> webhook_address.Address:
    try:
        return webhook_address.parse(url)
    except ConfigError:
        raise ConfigError(
            "the OTLP endpoint cannot be used: it must be http or https, with a host, and without spaces.",
            hint='as in OpenTelemetryExporter("http://localhost:4318"); gRPC is not spoken, its port 4317 is another',
        ) from None


def _seconds(signal: Signal) -> float:
    """The Python SDK reads this variable as seconds, and so do we."""
    told = _variable(signal, "TIMEOUT") or "10"
    try:
        return float(told)
    except ValueError:
        raise ConfigError(f"{_PREFIX}TIMEOUT={told!r} is no number.", hint="seconds, as 10") from None


def _variable(signal: Signal, name: str) -> str | None:
    return os.environ.get(f"{_PREFIX}{signal.upper()}_{name}") or os.environ.get(f"{_PREFIX}{name}") or None


def _refused(signal: Signal, place: _Place, response: httpx.Response) -> ExportError:
    headers = {name.lower(): value for name, value in response.headers.items()}
    if signal == "metrics" and response.status_code in _NOT_TAKEN:
        return ExportError(
            f"{place.address.shown} answered {response.status_code}: it seems to take no metrics.",
            hint="use OpenTelemetryExporter(metrics=False) for a receiver of traces alone",
            retry_after_s=retry_after(headers.get("retry-after"), dt.datetime.now(dt.UTC)),
        )
    answer = WebhookAnswer(response.status_code, headers, response.content)
    secrets = [word for value in place.headers.values() for word in (value, *value.split())]
    return failure(place.address.shown, answer, (*secrets, *place.address.secrets))
