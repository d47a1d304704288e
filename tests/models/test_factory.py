"""From names and objects to chat models: every spelling that is documented, and every refusal."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart
from pydantic_ai.models.function import AgentInfo, FunctionModel
from support.llm_server import LLMServer

from victor_nb.errors import MissingExtraError, MissingKeyError, UnknownModelError, UsageError
from victor_nb.messages import Message, ModelRequest
from victor_nb.models import PROVIDERS, DemoModel, RetryingModel, build_model
from victor_nb.models.catalog import ModelName
from victor_nb.models.wire_clients import Access, library_model
from victor_nb.protocols import IChatModel
from victor_nb.testing import ScriptedModel

NEWER = {"github-copilot", "meta", "openai-chatgpt", "openai-codex", "vllm"}  # than the oldest library we allow
ASK = ModelRequest((Message("user", "Hi"),))


@pytest.mark.parametrize(
    ("spec", "provider"),
    [("gpt-9", "openai"), ("openai:gpt-9", "openai"), (None, "openai:gpt-9"), ("openai:gpt-9", None), ("gpt-9", None)],
)
def test_every_spelling_of_provider_and_model(
    spec: str | None, provider: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    model = build_model(spec, provider=provider)
    assert (model.provider, model.name, model.base_url) == ("openai", "gpt-9", None)
    assert isinstance(model, IChatModel)


def test_nothing_named_in_a_test_run_is_the_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:1")
    assert isinstance(build_model(), DemoModel)


def test_a_chat_model_is_taken_as_it_is() -> None:
    scripted = ScriptedModel("x")
    assert build_model(scripted) is scripted
    assert build_model(provider=scripted) is scripted


def test_a_model_of_the_library_is_wrapped() -> None:
    def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        return ModelResponse(parts=[TextPart(f"{len(messages)} request")])

    for given in ({"spec": FunctionModel(answer)}, {"provider": FunctionModel(answer)}):
        arguments: dict[str, Any] = dict(given)
        model = build_model(arguments.pop("spec", None), **arguments)
        reply = asyncio.run(model.request(ASK))
        assert (reply.message.content, reply.complete) == ("1 request", True)


def test_a_provider_object_of_the_library_with_a_model_name(llm_server: LLMServer) -> None:
    from openai import AsyncOpenAI
    from pydantic_ai.providers.ollama import OllamaProvider

    client = AsyncOpenAI(api_key="k", base_url=llm_server.openai_url)
    model = build_model("llama3.2", provider=OllamaProvider(openai_client=client))
    assert asyncio.run(model.request(ASK)).provider == "ollama"
    assert llm_server.requests[0].body["model"] == "llama3.2"
    assert isinstance(model, RetryingModel)
    asyncio.run(_close_on_model_loop(client))


async def _close_on_model_loop(client: Any) -> None:
    from victor_nb.background import model_loop

    await model_loop().run(client.close())


def test_ollama_is_found_through_its_own_variable(llm_server: LLMServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_HOST", llm_server.url)
    model = build_model("ollama")
    reply = asyncio.run(model.request(ASK))
    assert (reply.provider, reply.cost_usd) == ("ollama", None)
    assert llm_server.requests[-1].path == "/v1/chat/completions"
    assert llm_server.requests[-1].body["model"] == "llama3.2:latest"
    asyncio.run(model.aclose())  # type: ignore[attr-defined]


def test_openai_is_the_responses_api_and_imitators_get_chat_completions() -> None:
    def kind(name: str, base_url: str | None) -> str:
        return type(library_model(ModelName(name, "m"), Access("k", base_url))).__name__

    assert kind("openai", None) == "OpenAIResponsesModel"
    assert kind("openai", "https://eu.api.openai.com/v1") == "OpenAIResponsesModel"
    assert kind("openai", "http://127.0.0.1:1/v1") == "OpenAIChatModel"
    assert kind("openai-chat", None) == "OpenAIChatModel"
    assert kind("openai-responses", "http://127.0.0.1:1/v1") == "OpenAIResponsesModel"


@pytest.mark.parametrize("name", ["openai", "anthropic", "ollama", "openrouter", "deepseek"])
def test_no_sdk_retries_behind_our_back(name: str) -> None:
    model: Any = library_model(ModelName(name, "openai/m"), Access("k", "http://h/v1" if name == "ollama" else None))
    assert model.client.max_retries == 0


@pytest.mark.parametrize(("name", "key"), [("openai:x", "OPENAI_API_KEY"), ("claude-x", "ANTHROPIC_API_KEY")])
def test_a_missing_key_is_told_with_its_variable(name: str, key: str) -> None:
    with pytest.raises(MissingKeyError, match=key) as caught:
        build_model(name)
    assert "%victor use demo" in caught.value.hint
    assert "%env" not in caught.value.hint


def test_a_missing_package_is_told_with_its_pip_line() -> None:
    with pytest.raises(MissingExtraError) as caught:
        build_model("mistral:x", api_key="k")
    assert caught.value.hint == 'pip install "pydantic-ai-slim[mistral]"'


def test_an_unknown_provider_is_refused_at_once() -> None:
    with pytest.raises(UnknownModelError, match="Did you mean 'openai'"):
        build_model("gpt-5", provider="opnai")


@pytest.mark.parametrize(
    "arguments",
    [
        {"spec": "gpt-5", "provider": "openai:gpt-5"},
        {"spec": "gpt-5", "provider": ScriptedModel()},
        {"spec": 42},
        {"provider": object()},
        {"base_url": "http://h/v1"},
    ],
)
def test_what_contradicts_itself_is_a_usage_error(arguments: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        build_model(**arguments)


@pytest.mark.parametrize("name", [name for name in PROVIDERS if name != "demo"])
def test_the_library_knows_every_provider_of_the_catalog(name: str) -> None:
    from pydantic_ai.providers import infer_provider_class

    try:
        with suppress(ImportError):  # known, but its SDK is not installed
            assert infer_provider_class(name)
    except ValueError:
        if name not in NEWER:
            raise
        with pytest.raises(UnknownModelError, match="-U pydantic-ai-slim"):
            library_model(ModelName(name, "m"), Access("k"))
