"""Dollars only where they are known to be spent."""

from __future__ import annotations

import pytest

from victor_nb.messages import Usage
from victor_nb.models.prices import context_window, is_private, price

MILLION = Usage(1_000_000, 0)


def test_a_known_model_has_a_price_and_cached_tokens_are_cheaper() -> None:
    cost, source = price(MILLION, "gpt-5", "openai", None)
    cheaper, _ = price(Usage(1_000_000, 0, cached_tokens=900_000), "gpt-5", "openai", None)
    assert cost is not None
    assert cheaper is not None
    assert 0 < cheaper < cost
    assert source == "genai-prices"


@pytest.mark.parametrize("provider", ["openai", "openai-chat", "openai-responses"])
def test_openai_costs_the_same_by_each_of_its_names(provider: str) -> None:
    assert price(MILLION, "gpt-5", provider, None) == price(MILLION, "gpt-5", "openai", "https://api.openai.com/v1")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8000/v1",
        "http://localhost/v1",
        "http://192.168.1.7",
        "http://10.0.0.1",
        "http://[::1]:1/v1",
        "http://169.254.1.1",
        "http://gpu-box:8000/v1",
        "http://llm.internal/v1",
        "http://studio.local:1234",
    ],
)
def test_a_private_server_costs_nothing_that_we_know_of(url: str) -> None:
    assert is_private(url)
    assert price(MILLION, "gpt-5", "openai", url) == (None, None)
    assert context_window("gpt-5", "openai", url) is None


def test_a_strangers_server_has_no_price_by_name_alone() -> None:
    assert not is_private("https://llm.example.org/v1")
    assert price(MILLION, "gpt-5", "openai-chat", "https://llm.example.org/v1") == (None, None)


def test_the_unknown_the_local_and_the_unmeasured_have_none() -> None:
    assert price(MILLION, "no-such-model", "openai", None) == (None, None)
    assert price(MILLION, "gpt-5", "no-such-provider", None) == (None, None)
    assert price(MILLION, "llama3.2", "ollama", None) == (None, None)
    assert price(Usage(5, 5, source="unmeasured"), "gpt-5", "openai", None) == (None, None)


def test_windows_are_known_for_known_models() -> None:
    assert (context_window("gpt-5", "openai", None) or 0) >= 200_000
