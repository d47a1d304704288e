"""The models that a person may choose from: those with a price in genai-prices' bundled tables, and what a local Ollama
has. Offline but for one loopback connection to Ollama; imports no SDK.

Reading the tables takes some 0.1 s, and asking the keyring may take longer: call these from a thread.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from victor_nb.models.catalog import PROVIDERS
from victor_nb.models.detect import KEY_ORDER, ollama_models
from victor_nb.models.keys import Environment

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo

_NAMES_THERE: Final = {"xai": "x-ai", "bedrock": "aws"}
"""Of providers that the tables call otherwise."""
_LOCAL: Final = ("ollama", "demo", "vllm", "litellm")


@dataclass(frozen=True, slots=True)
class KnownModel:
    """Prices are US dollars for a million tokens of a short prompt that is not cached; None is unknown."""

    provider: str
    model: str
    context_window: int | None = None
    input_usd: float | None = None
    output_usd: float | None = None

    @property
    def name(self) -> str:
        return self.provider if self.provider == "demo" else f"{self.provider}:{self.model}"


def known_models(env: Mapping[str, str]) -> list[KnownModel]:
    """Local ones first, then those of the providers that are looked at first for a key."""
    local = [KnownModel("ollama", name) for name in ollama_models(env)]
    return [*local, *priced_models(), KnownModel("demo", "demo")]


@lru_cache(maxsize=1)
def priced_models() -> tuple[KnownModel, ...]:
    """Chat models of providers that can be used here, by provider and name."""
    from genai_prices.data_snapshot import get_snapshot

    tables = {table.id: table for table in get_snapshot().providers}
    first = [*KEY_ORDER, *(name for name in PROVIDERS if name not in KEY_ORDER)]
    found = (
        KnownModel(name, info.id, info.context_window, *prices)
        for name in first
        if (table := tables.get(_NAMES_THERE.get(name, name)))
        for info in sorted(table.models, key=lambda info: info.id)
        if (prices := _prices(info)) and prices[1] is not None
    )
    return tuple(found)


def key_place(provider: str, env: Environment) -> str:
    """Where the key of a provider is: `environment`, `.env`, `keyring`, `missing`, `not needed`, or `elsewhere`: the
    provider's own library looks for one, as AWS's does."""
    names = PROVIDERS[provider].env_keys
    if not names:
        return "not needed" if provider in _LOCAL else "elsewhere"
    return next(_places(names, env), "missing")


def _places(names: tuple[str, ...], env: Environment) -> Iterator[str]:
    for name in names:
        if place := env.place_of(name):
            yield place


def _prices(info: ModelInfo) -> tuple[float | None, float | None]:
    now = info.get_prices(dt.datetime.now(dt.UTC))
    return _base(now.input_mtok), _base(now.output_mtok)


def _base(price: Any) -> float | None:
    """The price of a short prompt."""
    value = getattr(price, "base", price)
    return None if value is None else float(value)
