"""A key on the line of a magic is refused: not used, not repeated, and taken out of IPython's history."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.cells import run_ok
from support.kernels import Kernel
from support.llm_server import LLMServer

from victor_nb.models.catalog import PROVIDERS
from victor_nb.notebook.grammar.line_secrets import KeyOnLineError, refuse_keys, refuse_random

Shared = tuple[Kernel, LLMServer]
SECRET = "Zx9Qm2Lr7Tw4Kp8Vb3Nc6"
LINES = [
    f"%victor use openai sk-proj-{SECRET}",
    f"%victor use sk-ant-api03-{SECRET}",
    f"%victor use openai:{SECRET}",
    f"%victor use google AIza{SECRET}",
    f"%victor use openai:gpt-5 api_key={SECRET}",
    f"%victor use openai:gpt-5 --api-key '{SECRET}'",
    f"%victor use https://me:{SECRET}@example.org/v1#m",
    f"%victor model OPENAI_API_KEY={SECRET}",
    f"%%victor -m openai:{SECRET}\nHi",
    f"%%victor --api-key={SECRET}\nHi",
]


@pytest.mark.parametrize("source", LINES)
def test_a_key_is_refused_and_not_repeated(shared: Shared, source: str) -> None:
    kernel, server = shared
    before = len(server.requests)
    done = kernel.run(source)
    assert done.error is not None
    assert done.error.ename == "KeyOnLineError"
    assert "delete it here" in done.error.evalue
    assert SECRET not in str(done.outputs)
    assert len(server.requests) == before
    kept = run_ok(kernel, f"print([{SECRET[:8]!r} + {SECRET[8:]!r} in text for text in (*In[:-1], _i, _ii)])").stdout
    assert "True" not in kept


def test_the_history_on_disk_does_not_hold_it(kernel: Kernel, tmp_path: Path) -> None:
    run_ok(kernel, "%load_ext victor_nb")
    kernel.run(LINES[0])
    run_ok(kernel, "get_ipython().history_manager.writeout_cache()")
    found = [path for path in tmp_path.rglob("history.sqlite*") if SECRET.encode() in path.read_bytes()]
    (history,) = tmp_path.rglob("history.sqlite")
    with sqlite3.connect(history) as database:
        assert any("took it out" in text for (text,) in database.execute("SELECT source_raw FROM history"))
    database.close()
    assert found == []


@pytest.mark.parametrize(
    "name",
    [
        *(f"{name}:{one.default_model}" for name, one in PROVIDERS.items() if one.default_model),
        "anthropic:claude-haiku-4-5-20251001",
        "bedrock:us.anthropic.claude-sonnet-4-20250514-v1:0",
        "together:meta-llama/Meta-Llama-3.1-405B-Instruct-Turbo",
        "ollama:hf.co/bartowski/Llama-3.2-3B-Instruct-GGUF:Q4_K_M",
        "openai:ft:gpt-4o-mini-2024-07-18:acme::AbCd1234",
        "google-cloud:claude-sonnet-4@20250514",
        "http://127.0.0.1:8000/v1#my-model",
        "http://localhost:11434/v1#qwen2.5-coder:7b",
    ],
)
def test_names_of_models_pass(name: str) -> None:
    refuse_keys("%victor", f"use {name}")
    refuse_random("%victor use", [name])


@pytest.mark.parametrize(
    "line",
    ["search secret ingredient", "explain why is my password wrong: it is new", "search sk-learning", "tags a=1"],
)
def test_words_about_secrets_pass(line: str) -> None:
    refuse_keys("%victor", line)


@given(st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=32, max_size=80))
def test_a_random_key_of_a_known_form_never_passes(tail: str) -> None:
    with pytest.raises(KeyOnLineError) as caught:
        refuse_keys("%victor", f"use openai sk-{tail}")
    assert tail not in str(caught.value)
