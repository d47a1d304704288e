"""Per-session configuration: asks every provider at once and merges the answers, higher priority winning.

It knows neither the other coordinators nor the orchestrator: `load` returns a record of what was merged from where,
and who failed. How one provider is asked is in `config/fetch.py`.
"""

from __future__ import annotations

import asyncio
import warnings
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, cast, overload

from victor_nb.agent.config_check import check_config
from victor_nb.background import all_answers
from victor_nb.config.fetch import SESSIONS_KEPT, ProviderSource, checked_seconds
from victor_nb.config.loads import ConfigLoad, Explanation, explained, load_frame, merged_load
from victor_nb.config.merge import copied
from victor_nb.errors import ConfigError
from victor_nb.protocols import Config, IConfigProvider

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ConfigCoordinator", "ConfigLoad", "Explanation", "IConfigProvider"]

OVERRIDE: Final = "config_override"


class ConfigCoordinator:
    """Merges the configuration of all `providers` for a session.

    A provider has `get_config(session_id)`, sync (it is called in a thread) or async, and may have `priority()`
    (default 50, read once); among equals the later one wins. When a provider fails the others count, with one warning
    until it answers again; with `strict`, or when all fail, ConfigError is raised.

    Args:
        strict: whether one provider that fails is too many.
        ttl_s: for so many seconds an answer is taken again for the same session; 0 asks at every load. A provider's own
            attribute `ttl_s` goes first.
        timeout_s: seconds after which a provider has failed; None waits for ever. A provider's own attribute
            `timeout_s` goes first.

    Raises:
        TypeError: something is no provider.
        ConfigError: a number of seconds cannot be used.
    """

    def __init__(
        self,
        providers: Sequence[IConfigProvider] = (),
        *,
        strict: bool = False,
        ttl_s: float = 0.0,
        timeout_s: float | None = 10.0,
    ) -> None:
        self._strict = strict
        ttl = checked_seconds("ttl_s", ttl_s, 0.0, least=0) or 0.0
        timeout = checked_seconds("timeout_s", timeout_s, None)
        sources = [ProviderSource(provider, ttl_s=ttl, timeout_s=timeout) for provider in providers]
        _number_namesakes(sources)
        self._sources = sorted(sources, key=lambda source: source.priority)
        self._loads: OrderedDict[str, ConfigLoad] = OrderedDict()
        self._last: str | None = None
        self._warned: dict[str, str] = {}

    async def load_config(self, session_id: str, config_override: Mapping[str, Any] | None = None) -> Config:
        """The merged configuration. `config_override` wins over every provider."""
        return (await self.load(session_id, config_override)).config

    async def load(self, session_id: str, override: Mapping[str, Any] | None = None) -> ConfigLoad:
        """As `load_config`, with where each value came from."""
        answers = await all_answers([source.fetch(session_id) for source in self._sources])
        layers: list[tuple[str, Config]] = []
        failures: dict[str, Exception] = {}
        for source, answer in zip(self._sources, answers, strict=True):
            if isinstance(answer, BaseException):
                failures[source.name] = _failure(source.name, answer)
            else:
                layers.append((source.name, answer))
        self._judge(failures)
        if override:
            layers.append((OVERRIDE, copied(dict(override))))
        load = merged_load(layers, {name: _line(error) for name, error in failures.items()})
        self._remember(session_id, load)
        return load.copy()

    def invalidate(self, session_id: str | None = None) -> None:
        """Forget the answers that are kept for a session, or for all: the next load asks again."""
        for source in self._sources:
            source.invalidate(session_id)

    def get_config(self, session_id: str | None = None) -> Config:
        """A copy of what was last loaded (for `session_id`, if given); `{}` before that."""
        load = self._load_of(session_id)
        return copied(load.config) if load else {}

    @property
    def last_load(self) -> ConfigLoad | None:
        load = self._load_of(None)
        return load.copy() if load else None

    @overload
    def explain(self, key: str, session_id: str | None = None) -> Explanation: ...
    @overload
    def explain(self, key: None = None, session_id: str | None = None) -> pd.DataFrame: ...
    def explain(self, key: str | None = None, session_id: str | None = None) -> Explanation | pd.DataFrame:
        """Where the value under a dotted key came from; without a key, where all of the last load did.

        Returns:
            With a key an `Explanation`; else a DataFrame, one row a value: `key`, `value` (as JSON; `***` under the
            name of a secret), `provider`, `overridden` (what lower priorities had wanted), all of dtype `string`.

        Raises:
            ConfigError: no such key was loaded.
        """
        load = self._load_of(session_id) or ConfigLoad({})
        return load_frame(load) if key is None else explained(load, key)

    def validate_config(self, config: Mapping[str, Any] | None = None, session_id: str | None = None) -> Config:
        """A copy of `config` (of what was last loaded, by default), with known values as their settings take them.

        Keys that are settings or model settings must have a value that these can have; any other key is free.

        Raises:
            ConfigError: a value cannot be used, or an unknown key is nearly the name of a known one. It names the
                provider that the value of that key came from.
        """
        load = self._load_of(session_id) or ConfigLoad({})
        if config is None:
            return check_config(load.config, load.origin)
        ours = {key: whose for key, whose in load.origin.items() if _same(config, load.config, key)}
        return check_config(config, ours)

    def assignments(self, session_id: str) -> dict[str, str]:
        """Experiment → variant of a session, of all providers that assign any. It waits for nothing."""
        found: dict[str, str] = {}
        for source in self._sources:
            assign = cast("Callable[[str], object] | None", getattr(source.provider, "assignments", None))
            if callable(assign):
                found.update(_assigned(source.name, assign, session_id))
        return found

    def _remember(self, session_id: str, load: ConfigLoad) -> None:
        self._loads[session_id] = load
        self._loads.move_to_end(session_id)
        self._last = session_id
        while len(self._loads) > SESSIONS_KEPT:
            self._loads.popitem(last=False)

    def _load_of(self, session_id: str | None) -> ConfigLoad | None:
        wanted = session_id if session_id is not None else self._last
        return self._loads.get(wanted) if wanted is not None else None

    def _judge(self, failures: Mapping[str, Exception]) -> None:
        lines = {name: _line(error) for name, error in failures.items()}
        text = "; ".join(f"{name}: {line}" for name, line in lines.items())
        if failures and (self._strict or len(failures) == len(self._sources)):
            all_failed = len(failures) == len(self._sources)
            which = "Every config provider failed" if all_failed else "A config provider failed"
            raise ConfigError(f"{which}: {text}", hint="Mend or remove the provider.") from next(
                iter(failures.values())
            )
        news = lines.keys() - self._warned.keys()
        self._warned = lines
        if news:
            text = "; ".join(f"{name}: {line}" for name, line in lines.items() if name in news)
            warnings.warn(f"Configuration goes on without a provider that failed: {text}", UserWarning, stacklevel=3)


def _number_namesakes(sources: Sequence[ProviderSource]) -> None:
    seen: dict[str, int] = {}
    for source in sources:
        seen[source.name] = seen.get(source.name, 0) + 1
        if (number := seen[source.name]) > 1:
            source.name = f"{source.name} #{number}"


def _failure(name: str, error: BaseException) -> Exception:
    """What a provider raised, to be told; that the program ends is no failure of a provider."""
    if isinstance(error, Exception):
        return error
    if isinstance(error, asyncio.CancelledError):
        return ConfigError(f"{name} was cancelled.")
    raise error


def _assigned(name: str, assign: Callable[[str], object], session_id: str) -> dict[str, str]:
    """A provider's assignments; none, with a warning, when it cannot tell: tags must not stop a turn."""
    try:
        found = assign(session_id)
        if not isinstance(found, Mapping):
            raise TypeError(f"it returned a {type(found).__name__}, not a dict")
        return {str(key): str(value) for key, value in cast("Mapping[object, object]", found).items()}
    except Exception as error:  # noqa: BLE001  (a provider of the user's may raise anything)
        warnings.warn(f"{name}.assignments failed: {_line(error)}", UserWarning, stacklevel=3)
        return {}


def _same(config: Mapping[str, Any], loaded: Mapping[str, Any], dotted_key: str) -> bool:
    """Whether the top key that a dotted key begins with has the loaded value."""
    tops = [key for key in config if dotted_key == str(key) or dotted_key.startswith(f"{key}.")]
    try:
        return any(key in loaded and bool(config[key] == loaded[key]) for key in tops)
    except (TypeError, ValueError):  # arrays and DataFrames are neither equal nor different
        return False


def _line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
