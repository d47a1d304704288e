"""Several tenants in one provider: what is inherited, and how a session's tenant is found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from victor_nb.config import FileConfigProvider, TenantConfigProvider
from victor_nb.errors import ConfigError

TENANTS = {"acme": {"style": {"tone": "formal"}, "temperature": 0.2}, "lab": {"temperature": 1.0}}
DEFAULT = {"style": {"tone": "plain", "length": "short"}, "seed": 7}


async def test_the_session_inherits_from_the_tenant_and_it_from_the_default() -> None:
    provider = TenantConfigProvider(
        TENANTS, tenant={"s1": "acme", "s2": "acme"}, default=DEFAULT, sessions={"s2": {"style": {"length": "long"}}}
    )
    first = await provider.get_config("s1")
    assert first == {"style": {"tone": "formal", "length": "short"}, "seed": 7, "temperature": 0.2}
    assert (await provider.get_config("s2"))["style"] == {"tone": "formal", "length": "long"}
    first["style"].clear()
    assert await provider.get_config("unknown") == DEFAULT
    assert (await provider.get_config("s1"))["style"]["tone"] == "formal"


async def test_a_tenant_is_found_by_name_mapping_or_function() -> None:
    async def look_up(session_id: str) -> str | None:
        return session_id.partition("/")[0] or None

    for tenant in ("lab", {"lab/1": "lab"}, lambda session: session[:3], look_up):
        assert (await TenantConfigProvider(TENANTS, tenant=tenant).get_config("lab/1")) == {"temperature": 1.0}
    assert await TenantConfigProvider(TENANTS, tenant=look_up).get_config("/1") == {}
    with pytest.raises(ConfigError, match="tenant of a session is a int"):
        await TenantConfigProvider(TENANTS, tenant=lambda session: 7).get_config("s")  # type: ignore[arg-type, return-value]


async def test_a_tenant_may_have_a_provider(tmp_path: Path) -> None:
    (tmp_path / "acme.toml").write_text("temperature = 0.5\n")
    provider = TenantConfigProvider(
        {"acme": FileConfigProvider(tmp_path / "acme.toml")}, tenant="acme", default=DEFAULT
    )
    assert await provider.get_config("s") == {**DEFAULT, "temperature": 0.5}


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"tenants": {"a": 1}, "tenant": "a"}, "configuration of tenant 'a' is a int"),
        ({"tenants": [], "tenant": "a"}, "tenants is a list"),
        ({"tenants": {}, "tenant": 7}, "tenant is 7, and must tell whose a session is"),
        ({"tenants": {}, "tenant": "a", "sessions": {"s": TenantConfigProvider}}, "configuration of session 's'"),
    ],
)
def test_what_is_no_configuration_is_refused_at_once(arguments: dict[str, Any], match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        TenantConfigProvider(**arguments)
