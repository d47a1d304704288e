"""From what a user names or hands over to a chat model. Everything that can be refused is refused here, before a
request: unknown names, missing keys, missing packages. Imports no SDK.
"""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from victor_nb.errors import MissingExtraError, MissingKeyError, UsageError
from victor_nb.models.access import find_access, require_sdk
from victor_nb.models.catalog import PROVIDERS, ModelName, parse
from victor_nb.models.demo import DemoModel
from victor_nb.models.detect import detect, first_ollama_model
from victor_nb.models.failures import Target
from victor_nb.models.keyless import KeylessModel
from victor_nb.models.keys import environment
from victor_nb.models.retries import RetryingModel
from victor_nb.models.wire import WireModel
from victor_nb.models.wire_clients import library_model, model_of_provider
from victor_nb.protocols import IChatModel

if TYPE_CHECKING:
    from pydantic_ai.models import Model


def build_model(
    spec: str | IChatModel | Model | None = None,
    *,
    provider: str | object | None = None,
    api_key: str | None = None,
    base_url: str | None = None,
    keyless: bool = False,
) -> IChatModel:
    """The chat model meant by `spec` and `provider`; with neither, the one that `detect` finds.

    `spec` is a name (see `catalog.parse`), a chat model, or a pydantic-ai Model. `provider` is a provider's name, a
    full name, a pydantic-ai Model, or a pydantic-ai Provider object with `spec` naming its model. A key from the
    environment is only sent to its own provider: for another `base_url` give `api_key`. Models behind an API are
    retried (`RetryingModel`). With `keyless`, a model whose key or package is missing is a `KeylessModel`. Raises
    UnknownModelError, MissingKeyError, MissingExtraError, UsageError.
    """
    for given, other in ((spec, provider), (provider, spec)):
        if given is None or isinstance(given, str):
            continue
        if (model := _as_chat_model(given)) is not None:
            _refuse_both(other)
            return model
    if provider is not None and not isinstance(provider, str):
        return _from_provider_object(provider, spec)
    if spec is not None and not isinstance(spec, str):
        raise UsageError(f"{type(spec).__name__} is no model.", hint="Pass a name such as 'openai:gpt-5', or a model.")
    name = _wanted(spec, provider, base_url)
    try:
        return _from_name(name, api_key, base_url is not None)
    except (MissingKeyError, MissingExtraError) as error:
        if keyless:
            return KeylessModel(name, error)
        raise


def _wanted(spec: str | None, provider: str | None, base_url: str | None) -> ModelName:
    if spec is None and provider is None:
        if base_url is None:
            return detect(environment())
        raise UsageError("base_url was given without a model.", hint="Name the model that the server should use.")
    if provider is None or spec is None:
        return _parse(str(spec or provider), base_url)
    if "://" in provider:
        return _parse(spec, provider)
    if ":" in provider:
        raise UsageError(
            f"provider={provider!r} names a model already.", hint="Leave `model` out, or the part after the colon."
        )
    return _parse(spec if spec.startswith(f"{provider}:") else f"{provider}:{spec}", base_url)


def _parse(text: str, base_url: str | None) -> ModelName:
    if text.strip().lower() == "ollama" and base_url is None and (model := first_ollama_model(os.environ)):
        return ModelName("ollama", model)
    return parse(text, base_url=base_url)


def _from_name(name: ModelName, api_key: str | None, url_given: bool) -> IChatModel:
    if name.provider == "demo":
        return DemoModel()
    provider = PROVIDERS[name.provider]
    require_sdk(provider)
    access = find_access(provider, name, api_key, url_given=url_given)
    target = Target(name.provider, name.model, access.base_url, (access.api_key,) if access.api_key else ())
    return RetryingModel(WireModel(target, partial(library_model, name, access)))


def _as_chat_model(given: object) -> IChatModel | None:
    """`given` when it is a chat model, or wrapped when it is the library's Model, else None."""
    library = sys.modules.get("pydantic_ai.models")  # an instance of its classes exists only once it is imported
    if library is not None and isinstance(given, library.Model):
        return RetryingModel(_wrapped(given))
    has_methods = callable(getattr(given, "request", None)) and callable(getattr(given, "stream", None))
    return given if has_methods and hasattr(given, "provider") else None  # type: ignore[return-value]


def _wrapped(model: Any) -> WireModel:
    target = Target(str(model.system), str(model.model_name), getattr(model, "base_url", None))
    return WireModel(target, lambda: model, owned=False)


def _from_provider_object(provider: Any, spec: object) -> IChatModel:
    library = sys.modules.get("pydantic_ai.providers")
    if library is None or not isinstance(provider, library.Provider):
        raise UsageError(
            f"{type(provider).__name__} is no provider.", hint="Pass a name such as 'openai', or a pydantic-ai Model."
        )
    if not isinstance(spec, str):
        raise UsageError("The provider does not say which model to use.", hint="Add model='…'.")
    target = Target(str(provider.name), spec, str(provider.base_url))
    return RetryingModel(WireModel(target, partial(model_of_provider, provider, spec), owned=False))


def _refuse_both(other: object) -> None:
    if other is not None:
        raise UsageError("Both `model` and `provider` were given, and one of them is a whole model.", hint="Pass one.")
