"""What may be said of an address: never its user, password or query, nor these where somebody else repeats them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import parse_qsl, unquote, urlsplit

_SHORTEST: int = 4


def shown_url(url: str) -> str:
    """Scheme, host, port and path."""
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return "the URL"
    return f"{parts.scheme}://{host}{parts.path}"


def secrets_of(url: str) -> tuple[str, ...]:
    """The user's password as it is written and as it is meant, and the values of the query."""
    try:
        parts = urlsplit(url)
        password = parts.password or ""
        return (password, unquote(password), *(value for _, value in parse_qsl(parts.query)))
    except ValueError:
        return ()


def without(secrets: Iterable[str], text: str) -> str:
    """`text` on one line, with `***` for each secret that is long enough to be one, and for a password in any URL."""
    for secret in sorted({secret for secret in secrets if len(secret) >= _SHORTEST}, key=len, reverse=True):
        text = text.replace(secret, "***")
    return " ".join(re.sub(r"(://[^:/?#@\s]*):[^@/\s]*@", r"\1:***@", text).split())
