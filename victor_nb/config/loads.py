"""What a load of configuration was: the merged values, whose each is, and who failed. Records only."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

from victor_nb.config.merge import Path, copied, deep_merge, dotted, leaves, look_up
from victor_nb.errors import ConfigError, did_you_mean
from victor_nb.protocols import Config

if TYPE_CHECKING:
    import pandas as pd

COLUMNS: Final = {"key": "string", "value": "string", "provider": "string", "overridden": "string"}
_SECRET: Final = re.compile(r"(?i)passw|secret|token$|api_?key|credential|private_?key")
_SHOWN_CHARS: Final = 500


@dataclass(frozen=True)
class ConfigLoad:
    """One load. `providers` answered, `failed` maps the others to their error; `origin` says for each dotted key
    which provider's value it is. `layers` are the answers by ascending priority."""

    config: Config
    providers: tuple[str, ...] = ()
    failed: Mapping[str, str] = field(default_factory=dict[str, str])
    origin: Mapping[str, str] = field(default_factory=dict[str, str])
    layers: tuple[tuple[str, Config], ...] = field(default=(), repr=False)

    def copy(self) -> ConfigLoad:
        layers = tuple((name, copied(layer)) for name, layer in self.layers)
        return ConfigLoad(copied(self.config), self.providers, dict(self.failed), dict(self.origin), layers)


@dataclass(frozen=True)
class Explanation:
    """A value, whose it is, and what lower priorities had wanted (strongest first). `provider` is None for a dict that
    several providers filled."""

    value: Any
    provider: str | None
    overridden: tuple[tuple[str, Any], ...] = ()


def merged_load(layers: Sequence[tuple[str, Config]], failed: Mapping[str, str]) -> ConfigLoad:
    """The load that these answers, by ascending priority, make."""
    config = deep_merge([layer for _, layer in layers])
    strongest = list(reversed(layers))
    origin = {dotted(path): next(name for name, layer in strongest if holds(layer, path)) for path, _ in leaves(config)}
    return ConfigLoad(config, tuple(name for name, _ in layers), failed, origin, tuple(layers))


def holds(layer: Mapping[str, Any], path: Path) -> bool:
    try:
        look_up(layer, path)
    except KeyError:
        return False
    return True


def explained(load: ConfigLoad, key: str) -> Explanation:
    """Raises ConfigError when no such key was loaded."""
    names = {dotted(path): path for path, _ in leaves(load.config)}
    path = names.get(key, tuple(key.split(".")))
    if not holds(load.config, path):
        known = {dotted(full[:depth]) for full in names.values() for depth in range(1, len(full) + 1)}
        raise ConfigError(f"No configuration key {key!r}.{did_you_mean(key, known)}")
    value = copied(look_up(load.config, path))
    wanted = [(name, copied(look_up(layer, path))) for name, layer in reversed(load.layers) if holds(layer, path)]
    if isinstance(value, dict) and value and len(wanted) > 1:
        return Explanation(cast("Config", value), None, tuple(wanted))
    return Explanation(value, wanted[0][0], tuple(wanted[1:]))


def load_frame(load: ConfigLoad) -> pd.DataFrame:
    """One row for each value, in the order of its keys, with the columns and dtypes of `COLUMNS`."""
    import pandas as pd

    rows: list[list[str]] = []
    for path, value in sorted(leaves(load.config), key=lambda leaf: dotted(leaf[0])):
        wanted = [(name, look_up(layer, path)) for name, layer in reversed(load.layers) if holds(layer, path)]
        others = "; ".join(f"{name}: {_shown(path, lower)}" for name, lower in wanted[1:])
        rows.append([dotted(path), _shown(path, value), wanted[0][0], others])
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)


def _shown(path: Path, value: object) -> str:
    """As JSON where it can be; a value under the name of a secret is not shown."""
    if any(_SECRET.search(str(key)) for key in path):
        return "***"
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        text = f"<{type(value).__name__}>"
    return text if len(text) <= _SHOWN_CHARS else f"{text[: _SHOWN_CHARS - 1]}…"
