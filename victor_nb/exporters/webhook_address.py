"""Where a webhook is: what may be said of its URL, and which redirects may be followed.

Credentials and the query are kept out of everything that is shown, for both may be keys.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qsl, unquote, urljoin, urlsplit

from victor_nb.errors import ConfigError, ExportError

_DEFAULT_PORTS = {"http": 80, "https": 443}
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f]")


@dataclass(frozen=True)
class Address:
    """A checked URL. `shown` is scheme, host, port and path; `auth` user and password, if it had any."""

    url: str = field(repr=False)
    shown: str
    auth: tuple[str, str] | None = field(default=None, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)

    def redirected(self, location: str, status: int) -> str:
        """The URL that a redirect leads to.

        Raises:
            ExportError: it leads to another host, or away from https.
        """
        target = urlsplit(urljoin(self.url, location))
        if not _leads_home(urlsplit(self.url), target):
            raise ExportError(
                f"{self.shown} answered {status} and redirects to {_shown(target)}, which is another place; "
                "nothing was sent there.",
                hint="if you trust it, give its URL to WebhookAnalyticsExporter",
            )
        return target._replace(netloc=_place(target), fragment="").geturl()


def parse(url: str) -> Address:
    """Check a URL as a user gives it.

    Raises:
        ConfigError: it is no http(s) URL with a host.
    """
    try:
        parts = urlsplit(url if isinstance(url, str) and not _UNPRINTABLE.search(url) else "")  # pyright: ignore[reportUnnecessaryIsInstance]
        usable = parts.scheme in _DEFAULT_PORTS and parts.hostname and parts.port != 0
    except ValueError:
        usable, parts = False, urlsplit("")
    if not usable:
        raise ConfigError(
            "the webhook's URL cannot be used: it must be http or https, with a host, and without spaces.",
            hint='as in WebhookAnalyticsExporter("https://example.org/events")',
        )
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    return Address(
        url=parts._replace(netloc=_place(parts), fragment="").geturl(),
        shown=_shown(parts),
        auth=(user, password) if user or password else None,
        secrets=(user, password, *(value for _, value in parse_qsl(parts.query))),
    )


def _place(parts: SplitResult) -> str:
    return parts.netloc.rpartition("@")[2].lower()


def _shown(parts: SplitResult) -> str:
    return f"{parts.scheme}://{_place(parts)}{parts.path or '/'}"


def _leads_home(home: SplitResult, target: SplitResult) -> bool:
    try:
        if target.hostname != home.hostname:
            return False
        ports = [parts.port or _DEFAULT_PORTS.get(parts.scheme) for parts in (home, target)]
    except ValueError:
        return False
    upgraded = (home.scheme, target.scheme) == ("http", "https") and ports == [80, 443]
    return upgraded or (home.scheme == target.scheme and ports[0] == ports[1])
