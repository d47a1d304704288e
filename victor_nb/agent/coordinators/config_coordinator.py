"""Per-session configuration: asks every provider at once and merges the answers, higher priority winning.

It knows no setting by name, and neither the other coordinators nor the orchestrator: `load` returns a record of what
was merged from where, and who failed.
"""

from __future__ import annotations

import asyncio
import inspect
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from victor_nb.config.merge import Path, copied, deep_merge, dotted, leaves, look_up
from victor_nb.errors import ConfigError, did_you_mean
from victor_nb.protocols import Config, IConfigProvider

__all__ = ["ConfigCoordinator", "ConfigLoad", "Explanation", "IConfigProvider"]

DEFAULT_PRIORITY: Final = 50
OVERRIDE: Final = "config_override"


@dataclass(frozen=True)
class ConfigLoad:
    """One load. `providers` answered, `failed` maps the others to their error; `origin` says for each dotted key
    which provider's value it is. `layers` are the answers by ascending priority."""

    config: Config
    providers: tuple[str, ...] = ()
    failed: Mapping[str, str] = field(default_factory=dict[str, str])
    origin: Mapping[str, str] = field(default_factory=dict[str, str])
    layers: tuple[tuple[str, Config], ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class Explanation:
    """A value, whose it is, and what lower priorities had wanted (strongest first). `provider` is None for a dict that
    several providers filled."""

    value: Any
    provider: str | None
    overridden: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class _Registered:
    name: str
    priority: float
    get_config: Callable[[str], Any]


class ConfigCoordinator:
    """Merges the configuration of all `providers` for a session.

    A provider has `get_config(session_id)`, sync (it is called in a thread) or async, and may have `priority()`
    (default 50, read once); among equals the later one wins. When a provider fails its error is a warning and the
    others count; with `strict`, or when all fail, it raises ConfigError. Raises TypeError for what is no provider.
    """

    def __init__(self, providers: Sequence[IConfigProvider] = (), *, strict: bool = False) -> None:
        self._strict = strict
        self._providers = sorted(_register(providers), key=lambda provider: provider.priority)
        self._loads: dict[str, ConfigLoad] = {}
        self._last: str | None = None

    async def load_config(self, session_id: str, config_override: Mapping[str, Any] | None = None) -> Config:
        """The merged configuration. `config_override` wins over every provider."""
        return (await self.load(session_id, config_override)).config

    async def load(self, session_id: str, override: Mapping[str, Any] | None = None) -> ConfigLoad:
        """As `load_config`, with where each value came from."""
        answers = await asyncio.gather(*(_ask(p, session_id) for p in self._providers), return_exceptions=True)
        layers: list[tuple[str, Config]] = []
        failures: dict[str, Exception] = {}
        for provider, answer in zip(self._providers, answers, strict=True):
            if isinstance(answer, Exception):
                failures[provider.name] = answer
            elif isinstance(answer, BaseException):
                raise answer
            else:
                layers.append((provider.name, answer))
        self._judge(failures)
        if override:
            layers.append((OVERRIDE, copied(dict(override))))
        load = _merged(layers, {name: _line(error) for name, error in failures.items()})
        self._loads[session_id] = load
        self._last = session_id
        return _copy(load)

    def get_config(self, session_id: str | None = None) -> Config:
        """A copy of what was last loaded (for `session_id`, if given); `{}` before that."""
        load = self._load_of(session_id)
        return copied(load.config) if load else {}

    @property
    def last_load(self) -> ConfigLoad | None:
        load = self._load_of(None)
        return _copy(load) if load else None

    def explain(self, key: str, session_id: str | None = None) -> Explanation:
        """Where the value under a dotted key came from. Raises ConfigError when no such key was loaded."""
        load = self._load_of(session_id) or ConfigLoad({})
        names = {dotted(path): path for path, _ in leaves(load.config)}
        path = names.get(key, tuple(key.split(".")))
        if not _holds(load.config, path):
            raise ConfigError(f"No configuration key {key!r}.{did_you_mean(key, names)}")
        value = copied(look_up(load.config, path))
        wanted = [(name, copied(look_up(layer, path))) for name, layer in reversed(load.layers) if _holds(layer, path)]
        if isinstance(value, dict) and value and len(wanted) > 1:
            return Explanation(cast("Config", value), None, tuple(wanted))
        return Explanation(value, wanted[0][0], tuple(wanted[1:]))

    def _load_of(self, session_id: str | None) -> ConfigLoad | None:
        wanted = session_id if session_id is not None else self._last
        return self._loads.get(wanted) if wanted is not None else None

    def _judge(self, failures: Mapping[str, Exception]) -> None:
        if not failures:
            return
        text = "; ".join(f"{name}: {_line(error)}" for name, error in failures.items())
        if self._strict or len(failures) == len(self._providers):
            which = (
                "Every config provider failed" if len(failures) == len(self._providers) else "A config provider failed"
            )
            first = next(iter(failures.values()))
            raise ConfigError(f"{which}: {text}", hint="Mend or remove the provider.") from first
        warnings.warn(f"Configuration goes on without a provider that failed: {text}", UserWarning, stacklevel=3)


async def _ask(provider: _Registered, session_id: str) -> Config:
    if inspect.iscoroutinefunction(provider.get_config):
        answer: object = await provider.get_config(session_id)
    else:
        answer = await asyncio.to_thread(provider.get_config, session_id)
        if inspect.isawaitable(answer):
            answer = await answer
    if not isinstance(answer, dict):
        raise ConfigError(f"{provider.name}.get_config returned a {type(answer).__name__}.", hint="Return a dict.")
    return copied(cast("Config", answer))


def _register(providers: Sequence[object]) -> list[_Registered]:
    registered: list[_Registered] = []
    for provider in providers:
        name = type(provider).__name__
        get_config = getattr(provider, "get_config", None)
        if isinstance(provider, type) or not callable(get_config):
            raise TypeError(
                f"{provider!r} is no config provider: it needs a method get_config(session_id) that returns a dict."
            )
        namesakes = sum(other.name.split(" #")[0] == name for other in registered)
        label = f"{name} #{namesakes + 1}" if namesakes else name
        registered.append(_Registered(label, _priority(provider, name), get_config))
    return registered


def _priority(provider: object, name: str) -> float:
    method = getattr(provider, "priority", None)
    found: object = method() if callable(method) else DEFAULT_PRIORITY
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise TypeError(f"{name}.priority() must return a number, not {found!r}.")
    return found


def _merged(layers: Sequence[tuple[str, Config]], failed: Mapping[str, str]) -> ConfigLoad:
    config = deep_merge([layer for _, layer in layers])
    strongest = list(reversed(layers))
    origin = {
        dotted(path): next(name for name, layer in strongest if _holds(layer, path)) for path, _ in leaves(config)
    }
    return ConfigLoad(config, tuple(name for name, _ in layers), failed, origin, tuple(layers))


def _copy(load: ConfigLoad) -> ConfigLoad:
    return ConfigLoad(copied(load.config), load.providers, dict(load.failed), dict(load.origin), copied(load.layers))


def _holds(layer: Mapping[str, Any], path: Path) -> bool:
    try:
        look_up(layer, path)
    except KeyError:
        return False
    return True


def _line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
