"""What a user's name for a model means, and which model answers when none is named."""

from __future__ import annotations

import socket

import pytest
from support.llm_server import LLMServer

from victor_nb.errors import UnknownModelError
from victor_nb.models import PROVIDERS, ModelName, detect, parse
from victor_nb.models.detect import ollama_url

KEYS = {"ANTHROPIC_API_KEY": "a", "OPENAI_API_KEY": "o", "GOOGLE_API_KEY": "g", "GEMINI_API_KEY": "e"}


@pytest.fixture
def nowhere() -> dict[str, str]:
    """An environment whose Ollama does not answer."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return {"OLLAMA_HOST": f"127.0.0.1:{free.getsockname()[1]}"}


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("openai:gpt-5", ModelName("openai", "gpt-5")),
        (" OpenAI:gpt-5 ", ModelName("openai", "gpt-5")),
        ("gpt-5", ModelName("openai", "gpt-5")),
        ("o3", ModelName("openai", "o3")),
        ("claude-opus-5-5", ModelName("anthropic", "claude-opus-5-5")),
        ("gemini-3.8-flash", ModelName("google", "gemini-3.8-flash")),
        ("ollama:llama3.2:1b", ModelName("ollama", "llama3.2:1b")),
        ("groq:llama-3.3-70b", ModelName("groq", "llama-3.3-70b")),
        ("openrouter:meta/llama-3", ModelName("openrouter", "meta/llama-3")),
        ("demo", ModelName("demo", "demo")),
        ("http://127.0.0.1:8000/v1#my-model", ModelName("openai-chat", "my-model", "http://127.0.0.1:8000/v1")),
        ("anthropic", ModelName("anthropic", PROVIDERS["anthropic"].default_model or "")),
    ],
)
def test_a_name_means_a_provider_and_a_model(name: str, meant: ModelName) -> None:
    assert parse(name) == meant
    assert parse(str(meant)) == meant


def test_with_a_base_url_any_name_is_a_model_of_that_server() -> None:
    assert parse("qwen2.5:7b", base_url="http://h/v1") == ModelName("openai-chat", "qwen2.5:7b", "http://h/v1")
    assert parse("anthropic:x", base_url="http://h") == ModelName("anthropic", "x", "http://h")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("opanai:gpt-5", "Did you mean 'openai'"),
        ("antropic", "Did you mean 'anthropic'"),
        ("openai/gpt-5", "openai:gpt-5"),
        ("ollama", "after a colon"),
        ("http://127.0.0.1:8000/v1", "after a #"),
        ("some-unknown-thing", "Name a model as in"),
        ("", "Name a model as in"),
    ],
)
def test_a_wrong_name_is_refused_with_the_nearest_right_one(name: str, said: str) -> None:
    with pytest.raises(UnknownModelError) as caught:
        parse(name)
    assert said in str(caught.value)


def test_keys_win_in_the_order_anthropic_openai_google(nowhere: dict[str, str]) -> None:
    env = nowhere | KEYS
    found = []
    for key in KEYS:
        found.append(detect(env).provider)
        del env[key]
    assert found == ["anthropic", "openai", "google", "google"]
    assert detect(env).provider == "demo"


@pytest.mark.parametrize("sign", ["PYTEST_CURRENT_TEST", "CI", "VICTOR_TEST", "NBMAKE"])
def test_a_paid_key_is_never_picked_in_a_test_run(nowhere: dict[str, str], sign: str) -> None:
    assert detect(nowhere | KEYS | {sign: "true"}) == ModelName("demo", "demo")
    assert detect(nowhere | KEYS | {sign: "false"}).provider == "anthropic"


def test_a_local_ollama_that_answers_is_used_with_its_first_model(llm_server: LLMServer) -> None:
    for variable, value in [
        ("OLLAMA_HOST", f"127.0.0.1:{llm_server.port}"),
        ("OLLAMA_BASE_URL", llm_server.openai_url),
    ]:
        assert detect({variable: value}) == ModelName("ollama", "llama3.2:latest")
    assert detect({"OLLAMA_HOST": llm_server.url, "OPENAI_API_KEY": "o"}).provider == "openai"


def test_an_ollama_without_models_is_passed_over(llm_server: LLMServer) -> None:
    llm_server.ollama_models.clear()
    assert detect({"OLLAMA_HOST": llm_server.url}) == ModelName("demo", "demo")


@pytest.mark.parametrize(
    ("env", "url"),
    [
        ({}, "http://127.0.0.1:11434"),
        ({"OLLAMA_HOST": "0.0.0.0"}, "http://127.0.0.1:11434"),
        ({"OLLAMA_HOST": "gpu-box:9999"}, "http://gpu-box:9999"),
        ({"OLLAMA_HOST": "https://ollama.example.org"}, "https://ollama.example.org:443"),
        ({"OLLAMA_HOST": "[::1]:11434"}, "http://[::1]:11434"),
        ({"OLLAMA_HOST": "::"}, "http://127.0.0.1:11434"),
        ({"OLLAMA_HOST": "fe80::1"}, "http://[fe80::1]:11434"),
        ({"OLLAMA_BASE_URL": "http://h:1/v1/", "OLLAMA_HOST": "other"}, "http://h:1"),
    ],
)
def test_ollamas_address_is_read_from_either_variable(env: dict[str, str], url: str) -> None:
    assert ollama_url(env) == url


@pytest.mark.parametrize("host", ["localhost:abc", "localhost:99999", "[::1", "http://[::1"])
def test_an_address_that_is_none_hides_no_other_model(host):
    assert detect({"OLLAMA_HOST": host}) == ModelName("demo", "demo")
    with pytest.raises(UnknownModelError, match="is no address of a server") as told:
        ollama_url({"OLLAMA_HOST": host})
    assert "OLLAMA_HOST" in told.value.hint


@pytest.mark.parametrize("url", ["http://[::1#m", "http://h:abc/v1#m", "http://h:99999/v1#m"])
def test_a_url_that_is_none_is_refused_at_once(url):
    with pytest.raises(UnknownModelError, match="is no address of a server"):
        parse(url)
