"""What a request cost and how much a model can read, from genai-prices' bundled tables: offline, by name.

A server on this machine or in a private network has no price, whatever its model calls itself.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from victor_nb.messages import Usage

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo
    from genai_prices.types import Provider as PriceList

SOURCE = "genai-prices"
OWN = "settings"
_LOCAL_NAMES = ("localhost", "host.docker.internal")
_LOCAL_ENDINGS = (".localhost", ".local", ".internal", ".lan")
_UNPRICED = frozenset({"demo", "ollama", "litellm", "vllm"})
_FREE = frozenset({"demo", "ollama"})
_SAME_PRICES = {"openai-chat": "openai", "openai-responses": "openai", "azure-responses": "azure"}


def price(usage: Usage, model: str, provider: str, base_url: str | None) -> tuple[float | None, str | None]:
    """(cost in US dollars, where the price comes from), or (None, None) when it is unknown."""
    if usage.source == "unmeasured" or (found := _lookup(model, provider, base_url)) is None:
        return None, None
    price_list, info = found
    from genai_prices import Usage as Counts

    counts = Counts(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cached_tokens,
        cache_write_tokens=usage.cache_write_tokens,
    )
    try:
        return float(info.calc_price(counts, price_list).total_price), SOURCE
    except ValueError:  # counts that contradict each other, such as more cached tokens than sent ones
        return None, None


def own_price(
    own: Mapping[str, tuple[float, float]], model: str, provider: str, base_url: str | None
) -> tuple[float, float] | None:
    """What the user says that a model costs, under its full name: input and output, per million tokens."""
    return own.get(f"{provider}:{model}") or (own.get(f"{base_url}#{model}") if base_url else None)


def at_price(usage: Usage, price: tuple[float, float]) -> float:
    """US dollars. Cached input is counted as any other: two numbers do not say what it costs."""
    return (usage.input_tokens * price[0] + usage.output_tokens * price[1]) / 1_000_000


def is_free(provider: str, base_url: str | None) -> bool:
    """The demo model, and servers of one's own, which no table has a price for."""
    return provider in _FREE or (base_url is not None and is_private(base_url))


def context_window(model: str, provider: str, base_url: str | None) -> int | None:
    """The model's window in tokens, or None when unknown."""
    found = _lookup(model, provider, base_url)
    return found[1].context_window if found else None


@lru_cache(maxsize=256)
def is_private(url: str) -> bool:
    """Whether `url` points at this machine or into a private network."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    try:
        return not ipaddress.ip_address(host.partition("%")[0]).is_global
    except ValueError:
        return "." not in host or host in _LOCAL_NAMES or host.endswith(_LOCAL_ENDINGS)


@lru_cache(maxsize=256)
def _lookup(model: str, provider: str, base_url: str | None) -> tuple[PriceList, ModelInfo] | None:
    if provider in _UNPRICED or (base_url is not None and is_private(base_url)):
        return None
    from genai_prices.data_snapshot import get_snapshot

    tables = get_snapshot()
    by_url = [(None, base_url)] if base_url is not None else []
    for provider_id, url in [*by_url, (_SAME_PRICES.get(provider, provider), None)]:
        if provider_id == "openai" and provider == "openai-chat" and base_url is not None:
            continue  # a stranger's server that speaks OpenAI's protocol
        try:
            return tables.find_provider_model(model, None, provider_id, url)
        except LookupError:
            continue
    return None
