"""Embedders by name, over a real socket, and by hand; what they return is checked."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.embeddings_wire import letters
from support.llm_server import LLMServer

from victor_nb.errors import (
    AuthenticationError,
    MissingExtraError,
    MissingKeyError,
    ModelConnectionError,
    ModelError,
    ModelResponseError,
    UnknownModelError,
    UsageError,
)
from victor_nb.models.embeddings import embed, embedder_named
from victor_nb.models.tfidf import tfidf


def run(texts: Any, embedder: Any = None) -> list[list[float]]:
    return asyncio.run(embed(texts, embedder))


def test_without_an_embedder_words_are_compared() -> None:
    texts = ["read a file", "files are read", "weather"]
    assert run(texts) == tfidf(texts) == run(texts, "tfidf")
    assert run([]) == []


def test_a_model_by_name_over_the_wire(llm_server: LLMServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-mine")
    monkeypatch.setenv("OPENAI_BASE_URL", llm_server.openai_url)
    assert run(["abba", "cab"], "openai:text-embedding-3-small") == [letters("abba"), letters("cab")]
    request = llm_server.requests[0]
    assert (request.path, request.body["model"]) == ("/v1/embeddings", "text-embedding-3-small")
    assert request.headers["authorization"] == "Bearer sk-mine"


def test_a_key_in_env_file_is_found(llm_server: LLMServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_BASE_URL", llm_server.openai_url)
    (tmp_path / ".env").write_text("OPENAI_API_KEY=sk-from-file\nVOYAGE_API_KEY=pa-1\n")
    run(["a"], "openai:m")
    assert llm_server.requests[0].headers["authorization"] == "Bearer sk-from-file"


def test_a_server_named_by_its_url_is_not_sent_the_key(llm_server: LLMServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
    assert run(["abc"], f"{llm_server.openai_url}#local-model") == [letters("abc")]
    assert "sk-canary" not in json.dumps(llm_server.requests[0].headers)


def test_ollama(llm_server: LLMServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_HOST", llm_server.url)
    assert run(["abc"], "ollama:nomic-embed-text") == [letters("abc")]
    assert llm_server.requests[0].body["model"] == "nomic-embed-text"


def test_texts_go_in_batches_once_and_cut(llm_server: LLMServer) -> None:
    name = f"{llm_server.openai_url}#m"
    texts = [f"text {chr(97 + number % 26) * (1 + number)}" for number in range(100)]
    assert run([*texts, texts[0], " ", "z" * 20_000], name)[:100] == [letters(text) for text in texts]
    assert [len(request.body["input"]) for request in llm_server.requests] == [64, 37]
    assert len(llm_server.requests[1].body["input"][-1]) == 8_000
    assert run([texts[3], ""], name) == [letters(texts[3]), [0.0] * 26]
    assert len(llm_server.requests) == 2


def test_a_failure_is_retried_when_that_may_help(llm_server: LLMServer) -> None:
    llm_server.reply(status=429, headers={"retry-after": "0"})
    assert run(["ab"], f"{llm_server.openai_url}#m") == [letters("ab")]
    llm_server.reply(status=401, error={"error": {"message": "bad key sk-abcdefghijkl"}})
    with pytest.raises(AuthenticationError, match="refused the key") as caught:
        run(["other"], f"{llm_server.openai_url}#m")
    assert "sk-abc" not in str(caught.value)
    assert len(llm_server.requests) == 3


@pytest.mark.parametrize("body", ["{not json", json.dumps({"object": "list", "data": [], "model": "m"})])
def test_an_answer_that_is_none(llm_server: LLMServer, body: str) -> None:
    llm_server.reply(body)
    with pytest.raises(ModelError):
        run(["a", "b"], f"{llm_server.openai_url}#m")


def test_nobody_there() -> None:
    with pytest.raises(ModelConnectionError) as caught:
        run(["a"], "http://127.0.0.1:9/v1#m")
    assert caught.value.attempts == 3


def test_it_works_from_any_loop_and_thread(llm_server: LLMServer) -> None:
    name = f"{llm_server.openai_url}#m"
    found: list[Any] = []
    threads = [threading.Thread(target=lambda n=n: found.append(run([f"text {n}"], name))) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert embedder_named(name) is embedder_named(name)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("opnai:x", "Did you mean 'openai'"),
        ("text-embedding-3-small", "names no embedder"),
        ("openai", "does not say which"),
        ("openai:", "does not say which"),
        ("anthropic:claude-x", "no embedding models"),
        ("demo", "no embedding models"),
        ("tfdf", "Did you mean 'tfidf'"),
    ],
)
def test_a_wrong_name_is_told_at_once(name: str, message: str) -> None:
    with pytest.raises(UnknownModelError, match=message) as caught:
        run(["a"], name)
    assert "openai:text-embedding-3-small" in caught.value.hint


def test_missing_keys_and_packages_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MissingKeyError, match="leave the embedder out"):
        run(["a"], "openai:text-embedding-3-small")
    if importlib.util.find_spec("voyageai") is None:
        with pytest.raises(MissingExtraError, match=r'pip install "pydantic-ai-slim\[voyageai\]"'):
            run(["a"], "voyageai:voyage-4")
    if importlib.util.find_spec("sentence_transformers") is None:
        with pytest.raises(MissingExtraError):
            run(["a"], "sentence-transformers:all-MiniLM-L6-v2")


async def by_letters(texts: list[str]) -> list[list[float]]:
    await asyncio.sleep(0)
    return [letters(text) for text in texts]


class LikeLangChain:
    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [letters(text) for text in texts]


def test_any_function_is_an_embedder() -> None:
    wanted = [letters("abc"), letters("xyz")]
    assert run(["abc", "xyz"], by_letters) == wanted
    assert run(["abc", "xyz"], lambda texts: np.array([letters(text) for text in texts], dtype="float32")) == wanted
    assert run(["abc", "xyz"], LikeLangChain()) == wanted


def test_a_plain_function_does_not_stop_the_loop() -> None:
    async def story() -> list[list[float]]:
        go = threading.Event()

        def slow(texts: list[str]) -> list[list[float]]:
            assert go.wait(10)
            return [[1.0] for _ in texts]

        task = asyncio.create_task(embed(["a"], slow))
        await asyncio.sleep(0)
        go.set()
        return await task

    assert asyncio.run(story()) == [[1.0]]


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        ([[1.0]], "1 vectors for 2 texts"),
        ([[1.0], [1.0, 2.0]], "vectors of 1 and 2 numbers"),
        ([[], []], "vectors of 0 numbers"),
        ([[1.0], [float("nan")]], "not finite"),
        ([[1.0], ["x"]], "no list of vectors"),
        (["12", "34"], "no list of vectors"),
        (None, "no list of vectors"),
        ([1.0, 2.0], "no list of vectors"),
    ],
)
def test_what_an_embedder_returns_is_checked(returned: Any, message: str) -> None:
    with pytest.raises(ModelResponseError, match=message):
        run(["a", "b"], lambda texts: returned)


def test_an_embedder_that_raises_is_named() -> None:
    def broken(texts: list[str]) -> list[list[float]]:
        raise RuntimeError("out of memory, key sk-abcdefghijkl")

    with pytest.raises(ModelError, match="broken failed: RuntimeError: out of memory") as caught:
        run(["a"], broken)
    assert "sk-abc" not in str(caught.value)


@pytest.mark.parametrize(("texts", "embedder"), [("one text", None), ([1], None), (["a"], 7), (["a"], LikeLangChain)])
def test_what_is_no_text_or_no_embedder_is_refused(texts: Any, embedder: Any) -> None:
    with pytest.raises(UsageError):
        run(texts, embedder)
