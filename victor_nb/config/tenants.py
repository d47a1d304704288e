"""Configuration of several tenants in one place: what all share, what a tenant has, what a session of it has."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias, cast

from victor_nb.config.fetch import ProviderSource
from victor_nb.config.merge import copied, deep_merge
from victor_nb.errors import ConfigError
from victor_nb.protocols import Config, IConfigProvider

TenantFinder: TypeAlias = str | Mapping[str, str] | Callable[[str], str | Awaitable[str | None] | None] | None
Layer: TypeAlias = Mapping[str, Any] | IConfigProvider


class TenantConfigProvider:
    """The default, then the tenant's, then the session's configuration; the later wins, key by key.

    Args:
        tenants: tenant → its configuration, or a provider that has it (a `FileConfigProvider`, say). A tenant that is
            not here has the default.
        tenant: whose a session is: a mapping of session ids, a function of the session id (sync or async), or the one
            tenant of all sessions. Where it finds none, the default goes.
        default: what every tenant starts from.
        sessions: session id → what it has of its own.

    Raises:
        ConfigError: an argument is of the wrong kind.
    """

    def __init__(
        self,
        tenants: Mapping[str, Layer],
        *,
        tenant: TenantFinder,
        default: Layer | None = None,
        sessions: Mapping[str, Layer] | None = None,
        priority: int = 45,
    ) -> None:
        check_tenant(tenant)
        self._tenants = {name: _checked(f"tenant {name!r}", layer) for name, layer in _entries("tenants", tenants)}
        self._sessions = {
            name: _checked(f"session {name!r}", one) for name, one in _entries("sessions", sessions or {})
        }
        self._default = _checked("the default", default if default is not None else {})
        self._tenant = tenant
        self._priority = priority

    def priority(self) -> int:
        return self._priority

    async def get_config(self, session_id: str) -> dict[str, Any]:
        tenant = await tenant_of(self._tenant, session_id)
        layers = [self._default]
        if tenant is not None and tenant in self._tenants:
            layers.append(self._tenants[tenant])
        if session_id in self._sessions:
            layers.append(self._sessions[session_id])
        return deep_merge([await _config_of(layer, session_id) for layer in layers])


def check_tenant(tenant: object) -> None:
    """Raises ConfigError when no session's tenant can be found by it."""
    if not (tenant is None or callable(tenant) or isinstance(tenant, Mapping) or (isinstance(tenant, str) and tenant)):
        raise ConfigError(
            f"tenant is {tenant!r}, and must tell whose a session is.",
            hint="Give a mapping of session ids to tenants, a function of the session id, or a tenant's name.",
        )


async def tenant_of(tenant: TenantFinder, session_id: str) -> str | None:
    """
    Raises:
        ConfigError: what was found is no text.
    """
    if tenant is None or isinstance(tenant, str):
        return tenant
    if isinstance(tenant, Mapping):
        found: object = cast("Mapping[str, str]", tenant).get(session_id)
    else:
        found = cast("object", tenant(session_id))
    if inspect.isawaitable(found):
        found = cast("object", await found)
    if not isinstance(found, str | None):
        raise ConfigError(f"The tenant of a session is a {type(found).__name__}, and must be a text or None.")
    return found


def _entries(what: str, given: object) -> list[tuple[str, Any]]:
    if not isinstance(given, Mapping):
        raise ConfigError(f"{what} is a {type(given).__name__}, and must be a dict of names to configurations.")
    return list(cast("Mapping[str, Any]", given).items())


def _checked(what: str, layer: object) -> Config | ProviderSource:
    if isinstance(layer, Mapping):
        return copied(dict(cast("Mapping[str, Any]", layer)))
    try:
        return ProviderSource(layer)
    except TypeError:
        kind = type(layer).__name__
        raise ConfigError(f"The configuration of {what} is a {kind}.", hint="Give a dict, or a provider.") from None


async def _config_of(layer: Config | ProviderSource, session_id: str) -> Config:
    return await layer.fetch(session_id) if isinstance(layer, ProviderSource) else layer
