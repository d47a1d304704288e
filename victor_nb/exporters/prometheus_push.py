"""A Pushgateway: where the group of a kernel run is, what it holds, and replacing it as a whole.

A group is what Prometheus sees as one instance. Every kernel run has its own, so that none overwrites another.
"""

from __future__ import annotations

import base64
import datetime as dt
import re
import ssl
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from urllib.parse import quote

from victor_nb.errors import ConfigError, ExportError
from victor_nb.exporters import webhook_address
from victor_nb.exporters.one_request import ask
from victor_nb.exporters.prometheus_text import LABELS
from victor_nb.exporters.webhook_answer import retry_after

_LABEL = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*")
_PLAIN = re.compile(r"[A-Za-z0-9_.~-]+")
_OWN = {"job", "instance"}
_HINTS = {
    401: "check the user and password in the URL",
    403: "check the user and password in the URL",
    404: "check the URL: it is that of the Pushgateway itself, without /metrics",
}


class Pushgateway:
    """The Pushgateway at `url`, and the groups of `job` in it.

    Raises:
        ConfigError: the URL or a label cannot be used.
    """

    def __init__(self, url: str, job: str, labels: Mapping[str, str], timeout_s: float) -> None:
        self._address = _parsed(url)
        self._job = job
        self._labels = _checked(job, labels)
        self._timeout_s = timeout_s
        ending = "".join(_segment(name, value) for name, value in sorted(self._labels.items()))
        self._base = self._address.url.rstrip("/")
        self.destination = f"{self._address.shown.rstrip('/')}/metrics{_segment('job', job)}{ending}"

    def grouping(self, run: str) -> dict[str, str]:
        return {"job": self._job, "instance": run, **self._labels}

    async def read(self) -> str:
        """All that it holds, in Prometheus' text format.

        Raises:
            ExportError: it could not be asked.
        """
        return await self._request("GET", "")

    async def put(self, run: str, body: bytes) -> None:
        """Put `body` in place of the group of `run`.

        Raises:
            ExportError: it was not taken; the same body may be later.
        """
        labels = {"instance": run, **dict(sorted(self._labels.items()))}
        path = _segment("job", self._job) + "".join(_segment(name, value) for name, value in labels.items())
        await self._request("PUT", path, body)

    async def _request(self, method: str, path: str, body: bytes | None = None) -> str:
        address = replace(self._address, url=f"{self._base}/metrics{path}")
        headers = {"content-type": "text/plain; version=0.0.4; charset=utf-8"} if body is not None else {}
        response = await ask(method, address, body=body, headers=headers, trust=self._trust, timeout_s=self._timeout_s)
        if response.is_success:
            return response.text
        said = " ".join(response.text.split())[:200]
        raise ExportError(
            f"the Pushgateway {address.shown} answered {response.status_code}: {said}",
            hint=_HINTS.get(response.status_code, ""),
            retry_after_s=retry_after(response.headers.get("retry-after"), dt.datetime.now(dt.UTC)),
        )

    @cached_property
    def _trust(self) -> ssl.SSLContext | None:
        """Read once, for it takes long."""
        return ssl.create_default_context() if self._base.startswith("https:") else None


def _parsed(url: str) -> webhook_address.Address:
    """As `webhook_address.parse`, but a bare `host:port` will do."""
    try:
        return webhook_address.parse(url if "://" in url else f"http://{url}")
    except ConfigError:
        raise ConfigError(
            "the Pushgateway's URL cannot be used: it must be http or https, with a host, and without spaces.",
            hint='as in PrometheusMetricsExporter("http://localhost:9091")',
        ) from None


def _checked(job: str, labels: Mapping[str, str]) -> dict[str, str]:
    if not job:
        raise ConfigError("a job needs a name.", hint='as in job="victor_nb"')
    if not isinstance(labels, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigError(f"grouping_key is a dict, not {type(labels).__name__}.", hint='as in {"team": "research"}')
    for name in labels:
        if not _LABEL.fullmatch(name):
            raise ConfigError(f"{name!r} cannot be the name of a label.", hint="letters, digits and _, as in team")
        if name in _OWN | LABELS:
            raise ConfigError(
                f"the label {name!r} is taken.", hint="`instance` is the kernel run and `job` an argument of its own"
            )
    return {name: str(value) for name, value in labels.items()}


def _segment(name: str, value: str) -> str:
    """A label in the path of a group; base64 for what a path cannot hold."""
    if _PLAIN.fullmatch(value):
        return f"/{name}/{quote(value)}"
    encoded = base64.urlsafe_b64encode(value.encode(errors="replace")).decode().rstrip("=")
    return f"/{name}@base64/{encoded or '='}"
