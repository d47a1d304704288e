"""How to reach a provider: its key, its URL, and whether its package is installed. Models and embedders ask here.

A key from the environment, `.env` or the keyring is only sent to its own provider. Imports no SDK.
"""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass
from urllib.parse import urlsplit

from victor_nb.errors import MissingExtraError, MissingKeyError
from victor_nb.models.catalog import ModelName, Provider, address_parts
from victor_nb.models.detect import ollama_url
from victor_nb.models.keys import environment

_OWN_HOSTS = {"openai": "openai.com", "openai-chat": "openai.com", "openai-responses": "openai.com"} | {
    "anthropic": "anthropic.com",
    "google": "googleapis.com",
}
_DEMO = "or try without a key: %victor use demo"


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach a provider: the key (kept out of the repr) and the server's URL, each None for the default."""

    api_key: str | None = None
    base_url: str | None = None

    def __repr__(self) -> str:
        return f"Access(api_key={'…' if self.api_key else None}, base_url={self.base_url!r})"


def find_access(
    provider: Provider, name: ModelName, api_key: str | None = None, *, url_given: bool = False, otherwise: str = _DEMO
) -> Access:
    """Where `name` is, and the key for it: `api_key`, else its provider's own. Raises MissingKeyError, whose hint ends
    with `otherwise` where there is none, and UnknownModelError when its URL is none."""
    url_given = url_given or name.base_url is not None
    base_url = name.base_url or _default_url(name)
    if base_url is not None:
        address_parts(base_url)
    if api_key:
        return Access(_sendable("api_key", api_key), base_url)
    return Access(_key(provider, name, base_url, url_given, otherwise), base_url)


def require_sdk(provider: Provider) -> None:
    """Raises MissingExtraError when the package that speaks to the provider is not installed."""
    try:
        missing = importlib.util.find_spec(provider.sdk) is None
    except ModuleNotFoundError:
        missing = True
    if missing:
        package = "victor-nb[google]" if provider.extra == "google" else f"pydantic-ai-slim[{provider.extra}]"
        raise MissingExtraError(
            f"{provider.label} needs a package that is not installed.", hint=f'pip install "{package}"'
        )


def _default_url(name: ModelName) -> str | None:
    """Where `name` is reached when no URL was given: the SDK's variable, Ollama's address, or None."""
    if name.provider == "ollama":
        return f"{ollama_url(os.environ)}/v1"
    if name.provider in ("openai", "openai-chat", "openai-responses"):
        return os.environ.get("OPENAI_BASE_URL") or None
    if name.provider == "anthropic":
        return os.environ.get("ANTHROPIC_BASE_URL") or None
    return None


def _key(provider: Provider, name: ModelName, base_url: str | None, url_given: bool, otherwise: str) -> str | None:
    """The key from where keys are kept; None where none is wanted. It never goes to a URL it was not made for."""
    if url_given and base_url is not None and not _is_own(name.provider, base_url):
        return None
    env = environment()
    found = next((_sendable(key, value) for key in provider.env_keys if (value := env.get(key))), None)
    if found is None and provider.env_keys and base_url is None:
        names = " or ".join(provider.env_keys)
        raise MissingKeyError(
            f"{provider.label} needs an API key, and {names} is not set.",
            hint=f"Put {provider.env_keys[0]}=… into a .env file, the environment or the keyring (not into a cell), "
            f"{otherwise}",
        )
    return found


def _sendable(where: str, key: str) -> str:
    """A header carries no other characters; SDKs fail at them with errors of their own, some of which show the key."""
    odd = next((number for number, one in enumerate(key, 1) if not "!" <= one <= "~"), None)
    if odd is None:
        return key
    raise MissingKeyError(
        f"{where} holds no API key: its character {odd} is one that no key has.",
        hint="Copy the key again, as a whole: what a page shows may end in …, and a line end is no part of it.",
    )


def _is_own(provider: str, base_url: str) -> bool:
    host, own = urlsplit(base_url).hostname or "", _OWN_HOSTS.get(provider)
    return own is not None and (host == own or host.endswith(f".{own}"))
