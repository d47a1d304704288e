"""The model library's models, with clients of our own making: no hidden retries inside the SDK, keys and URLs given.

Everything heavy is imported inside the functions, and only the SDK that is in use.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from victor_nb.background import model_loop
from victor_nb.errors import UnknownModelError
from victor_nb.models.access import Access
from victor_nb.models.catalog import ModelName

if TYPE_CHECKING:
    from pydantic_ai.models import Model
    from pydantic_ai.providers import Provider

_NO_KEY = "not-needed"  # the SDKs insist on a key where a local server wants none


def library_model(name: ModelName, access: Access) -> Model:
    """The library's model for `name`, its client made with `access`."""
    match name.provider:
        case "anthropic":
            return _anthropic(name.model, access)
        case "openai" | "openai-chat" | "openai-responses" | "ollama":
            return _openai(name, access)
        case _:
            return _any_other(name, access)


def model_of_provider(provider: Any, model: str) -> Model:
    """The library's model called `model`, of a Provider object that the user made."""
    from pydantic_ai.models import infer_model

    return infer_model(f"{provider.name}:{model}", provider_factory=lambda _: provider)


def _anthropic(model: str, access: Access) -> Model:
    from anthropic import AsyncAnthropic
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.providers.anthropic import AnthropicProvider

    client = AsyncAnthropic(api_key=access.api_key or _NO_KEY, base_url=access.base_url, max_retries=0)
    client.auth_token = None  # older SDKs take one from the environment, which may belong to another server
    return AnthropicModel(model, provider=AnthropicProvider(anthropic_client=client))


def library_provider(name: ModelName, access: Access) -> Provider[Any]:
    """The library's provider for `name`, its client made with `access`: for models that are no chat models."""
    if name.provider in ("openai", "openai-chat", "openai-responses", "ollama"):
        return _openai_provider(name, access)
    return _other_provider(name, access)


def _openai(name: ModelName, access: Access) -> Model:
    from pydantic_ai.models.ollama import OllamaModel
    from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel

    provider = _openai_provider(name, access)
    if name.provider == "ollama":
        return OllamaModel(name.model, provider=provider)
    speaks_responses = name.provider == "openai-responses" or (
        name.provider == "openai" and _is_openai(access.base_url)
    )
    return (OpenAIResponsesModel if speaks_responses else OpenAIChatModel)(name.model, provider=provider)


def _openai_provider(name: ModelName, access: Access) -> Provider[Any]:
    from openai import AsyncOpenAI
    from pydantic_ai.providers.ollama import OllamaProvider
    from pydantic_ai.providers.openai import OpenAIProvider

    client = AsyncOpenAI(api_key=access.api_key or _NO_KEY, base_url=access.base_url, max_retries=0)
    return (OllamaProvider if name.provider == "ollama" else OpenAIProvider)(openai_client=client)


def _is_openai(base_url: str | None) -> bool:
    """Servers that imitate OpenAI speak chat completions; the Responses API is OpenAI's own."""
    host = urlsplit(base_url or "https://api.openai.com").hostname or ""
    return host == "openai.com" or host.endswith(".openai.com")


def _any_other(name: ModelName, access: Access) -> Model:
    from pydantic_ai.models import infer_model

    provider = _other_provider(name, access)
    return infer_model(f"{name.provider}:{name.model}", provider_factory=lambda _: provider)


def _other_provider(name: ModelName, access: Access) -> Provider[Any]:
    from pydantic_ai.providers import infer_provider_class

    try:
        provider_class = infer_provider_class(name.provider)
    except ValueError:
        hint = "pip install -U pydantic-ai-slim"
        raise UnknownModelError(f"The installed pydantic-ai does not know {name.provider!r} yet.", hint=hint) from None
    given = {"api_key": access.api_key, "base_url": access.base_url}
    provider = provider_class(**{key: value for key, value in given.items() if value})
    client = getattr(provider, "client", None)
    if isinstance(getattr(client, "max_retries", None), int):
        client.max_retries = 0  # type: ignore[union-attr]
    return provider


async def close_client(owner: object) -> None:
    """Close the connections of a library's model or provider."""
    close = getattr(getattr(owner, "client", None), "close", None)
    closing = close() if close is not None else None
    if inspect.isawaitable(closing):
        await closing


def close_later(owner: object) -> None:
    """The same from anywhere, on the model loop, if that still runs."""
    if not model_loop().loop.is_closed():
        model_loop().submit(close_client(owner))
