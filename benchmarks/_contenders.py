"""Ways to ask one OpenAI-compatible server the same question: victor_nb, the model library alone, plain HTTP, peers.

Each function takes the server's URL and whether to stream and returns an `Ask`, which is awaited once a turn on one
event loop; `fresh` begins a new conversation. Every contender sends the same system prompt and keeps the history.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from victor_nb.prompt.builtin import TEXT as SYSTEM

Ask = Callable[[bool], Awaitable[None]]
Make = Callable[[str, bool], Ask]
MODEL = "gpt-5-mini"
QUESTION = "Which column of the table has the most missing values, and what would you do about it?"


def orchestrator(url: str, model: str = f"openai-chat:{MODEL}", **arguments: Any) -> Any:
    """An `AgentOrchestrator` as a user makes one: all four coordinators, SQLite store on a real disk."""
    from victor_nb.agent.coordinators import ConfigCoordinator
    from victor_nb.agent.orchestrator import AgentOrchestrator
    from victor_nb.config.environment import EnvironmentConfigProvider
    from victor_nb.config.settings import Settings

    settings = Settings(home=Path(tempfile.mkdtemp(prefix="victor-bench-")), base_url=url)
    config = ConfigCoordinator([EnvironmentConfigProvider()])
    return AgentOrchestrator(settings, model=model, config_coordinator=config, **arguments)


def victor(url: str, streamed: bool) -> Ask:
    from victor_nb.messages import new_id

    agent, session = orchestrator(url), ""

    async def ask(fresh: bool) -> None:
        nonlocal session
        session = new_id() if fresh else session
        if streamed:
            async for _ in agent.stream_chat(QUESTION, session_id=session):
                pass
        else:
            await agent.chat(QUESTION, session_id=session)

    return ask


def library(url: str, streamed: bool) -> Ask:
    from openai import AsyncOpenAI
    from pydantic_ai.direct import model_request, model_request_stream
    from pydantic_ai.messages import ModelMessage, ModelRequest, SystemPromptPart, UserPromptPart
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    client = AsyncOpenAI(api_key="none", base_url=url, max_retries=0)
    model = OpenAIChatModel(MODEL, provider=OpenAIProvider(openai_client=client))
    history: list[ModelMessage] = []

    async def ask(fresh: bool) -> None:
        if fresh:
            history[:] = [ModelRequest(parts=[SystemPromptPart(SYSTEM), UserPromptPart(QUESTION)])]
        else:
            history.append(ModelRequest(parts=[UserPromptPart(QUESTION)]))
        if not streamed:
            history.append(await model_request(model, history))
            return
        async with model_request_stream(model, history) as events:
            async for _ in events:
                pass
        history.append(events.get())

    return ask


def http(module: str) -> Make:
    """Plain requests through `httpx` or `httpx2`; answers are parsed and joined, no more."""

    def make(url: str, streamed: bool) -> Ask:
        client = importlib.import_module(module).AsyncClient()
        history: list[dict[str, str]] = []

        async def ask(fresh: bool) -> None:
            if fresh:
                history[:] = [{"role": "system", "content": SYSTEM}]
            history.append({"role": "user", "content": QUESTION})
            body = {"model": MODEL, "messages": history, "stream": streamed}
            if streamed:
                text = "".join([piece async for piece in _pieces(client, f"{url}/chat/completions", body)])
            else:
                reply = await client.post(f"{url}/chat/completions", json=body)
                text = reply.json()["choices"][0]["message"]["content"]
            history.append({"role": "assistant", "content": text})

        return ask

    return make


async def _pieces(client: Any, url: str, body: dict[str, Any]) -> Any:
    """The text deltas of a streamed answer."""
    async with client.stream("POST", url, json=body) as reply:
        async for line in reply.aiter_lines():
            if line.startswith("data: {"):
                yield json.loads(line[6:])["choices"][0]["delta"].get("content", "")


def chatlas(url: str, streamed: bool) -> Ask:
    from chatlas import ChatOpenAICompletions

    chat = ChatOpenAICompletions(base_url=url, model=MODEL, api_key="none", system_prompt=SYSTEM)

    async def ask(fresh: bool) -> None:
        if fresh:
            chat.set_turns([])
        if streamed:
            async for _ in await chat.stream_async(QUESTION):
                pass
        else:
            await chat.chat_async(QUESTION, echo="none", stream=False)

    return ask


def langchain(url: str, streamed: bool) -> Ask:
    from langchain_openai import ChatOpenAI

    model = ChatOpenAI(base_url=url, model=MODEL, api_key="none", max_retries=0)  # type: ignore[arg-type]
    history: list[Any] = []

    async def ask(fresh: bool) -> None:
        if fresh:
            history[:] = [("system", SYSTEM)]
        history.append(("user", QUESTION))
        if not streamed:
            history.append(await model.ainvoke(history))
            return
        whole: Any = None
        async for chunk in model.astream(history):
            whole = chunk if whole is None else whole + chunk
        history.append(("assistant", whole.content))

    return ask


def installed() -> dict[str, Make]:
    """The contenders that can run here, by name."""
    peers: dict[str, tuple[str, Make]] = {
        "chatlas": ("chatlas", chatlas),
        "langchain-openai": ("langchain_openai", langchain),
        "httpx2": ("httpx2", http("httpx2")),
        "httpx": ("httpx", http("httpx")),
    }
    found = {name: make for name, (module, make) in peers.items() if importlib.util.find_spec(module)}
    return {"victor_nb": victor, "model library": library, **found}
