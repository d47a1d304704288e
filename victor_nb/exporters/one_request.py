"""One HTTP request on a connection of its own, whose every failure is an `ExportError` that shows no secret.

For destinations that are asked seldom, and from any event loop: nothing stays open between two batches.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING

from victor_nb.errors import ExportError
from victor_nb.exporters.webhook_address import Address

if TYPE_CHECKING:
    import httpx


async def ask(
    method: str,
    address: Address,
    *,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    trust: ssl.SSLContext | None = None,
    timeout_s: float,
) -> httpx.Response:
    """The answer, whatever its status; redirects are not followed. Without `trust` the system's certificates are.

    Raises:
        ExportError: there was none in `timeout_s` seconds.
    """
    import httpx

    try:
        async with asyncio.timeout(timeout_s), _client(address, trust) as client:
            return await client.request(method, address.url, content=body, headers=headers)
    except TimeoutError:
        raise ExportError(f"{address.shown} did not answer in {timeout_s:g} s.") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ExportError(f"{address.shown} could not be reached: {type(error).__name__}.") from None


def _client(address: Address, trust: ssl.SSLContext | None) -> httpx.AsyncClient:
    import httpx

    if not address.url.startswith("https:"):
        trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # the system's take long to read
    try:
        return httpx.AsyncClient(verify=trust or True, timeout=None, auth=address.auth)
    except ValueError:  # its text repeats the proxy's URL, which may hold a password
        raise ExportError(
            "the proxy of the environment cannot be used.", hint="check HTTPS_PROXY, HTTP_PROXY and ALL_PROXY"
        ) from None
