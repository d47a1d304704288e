"""`AgentOrchestrator`: what a user chats through. It puts coordinators, model and store together and starts turns.

How a turn goes is in `turn.py`; what is sent, recorded and kept is the coordinators' business.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from victor_nb.agent.coordinators import (
    AnalyticsCoordinator,
    ConfigCoordinator,
    ContextCoordinator,
    PromptCoordinator,
)
from victor_nb.agent.exchange import Emit
from victor_nb.agent.feedback import answers
from victor_nb.agent.locks import TurnLock
from victor_nb.agent.output import OutputType
from victor_nb.agent.plan import Planner, TurnCall, checked_model_settings
from victor_nb.agent.recorder import TurnOrigin, TurnRecorder, lent_origin
from victor_nb.agent.runners import run_in_thread
from victor_nb.agent.streaming import ChatStream
from victor_nb.agent.tags import checked_tags, current_tags
from victor_nb.agent.tools import Toolbox
from victor_nb.agent.turn import Turn
from victor_nb.config.settings import Settings
from victor_nb.errors import AuthenticationError, UsageError, did_you_mean
from victor_nb.messages import ChatResponse, JsonValue, new_id
from victor_nb.models.factory import build_model
from victor_nb.protocols import IChatModel, IEventStore, IToolRunner, ToolFunction
from victor_nb.store import open_store

C = TypeVar("C")
_COORDINATORS = ("config", "prompt", "context", "analytics")


_talking: ContextVar[frozenset[tuple[int, str]]] = ContextVar("victor_nb_talking", default=frozenset())


@asynccontextmanager
async def _talking_in(session: tuple[int, str]) -> AsyncGenerator[None]:
    """For the length of a turn: a tool that asks in the conversation that called it would wait for itself."""
    if session in _talking.get():
        raise UsageError(
            "a tool cannot ask in the conversation that called it.", hint="give chat() another session_id there"
        )
    before = _talking.set(_talking.get() | {session})
    try:
        yield
    finally:
        _talking.reset(before)


@dataclass
class _Session:
    """What the orchestrator itself keeps of a session; its conversation is the context coordinator's."""

    lock: TurnLock = field(default_factory=TurnLock)
    turns: int = 0


class AgentOrchestrator:
    """A chat with a model, through four coordinators that can each be replaced.

    Args:
        settings: defaults to `Settings()`: environment, `.env`, `pyproject.toml`, the user's file.
        provider: `"openai"`, or anything that `model` may be, or a provider object of pydantic-ai.
        model: `"anthropic:claude-sonnet-5-5"`, a pydantic-ai `Model`, or an object with the methods of `IChatModel`.
            With neither, what the environment offers is used, and the demo model if it offers nothing.
        tools: functions that every turn may call.
        session_id: the session of calls that name none; a new one by default.
        config_coordinator: your own, as the other three; `_config_coordinator=` and so on are accepted as well.
        store: where events go; by default the file in the settings' `home`.
        tool_runner: where tools are run; by default in a worker thread.
        origin: tells where a turn comes from (cell, notebook, tags); in a notebook its host by default.

    Raises:
        TypeError: a coordinator is given in both spellings, or an argument is unknown.
        ConfigError: a setting cannot be used.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        provider: Any = None,
        model: Any = None,
        *,
        tools: Iterable[ToolFunction] = (),
        session_id: str | None = None,
        config_coordinator: ConfigCoordinator | None = None,
        prompt_coordinator: PromptCoordinator | None = None,
        context_coordinator: ContextCoordinator | None = None,
        analytics_coordinator: AnalyticsCoordinator | None = None,
        store: IEventStore | None = None,
        tool_runner: IToolRunner = run_in_thread,
        origin: Callable[[], TurnOrigin] = lent_origin,
        **underscored: Any,
    ) -> None:
        if not isinstance(settings, Settings | None):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"settings must be a Settings, not {type(settings).__name__}: use Settings(…)")
        self.settings = settings or Settings()
        self.session_id = _checked_session(session_id or new_id())
        self.tools: list[ToolFunction] = list(tools)
        self.last_response: ChatResponse | None = None
        self._default = (model, provider)
        self._models: dict[Any, IChatModel] = {}
        self._tool_runner = tool_runner
        self._origin = origin
        self._sessions: dict[str, _Session] = {}
        _check_underscored(underscored)
        self._config_coordinator = _one("config", config_coordinator, underscored) or ConfigCoordinator()
        self._prompt_coordinator = _one("prompt", prompt_coordinator, underscored) or PromptCoordinator()
        self._context_coordinator = _one("context", context_coordinator, underscored) or ContextCoordinator()
        self._analytics_coordinator = _one("analytics", analytics_coordinator, underscored) or AnalyticsCoordinator()
        self._attach(store or open_store(self.settings.store_location, home=self.settings.home))

    def _attach(self, store: IEventStore) -> None:
        self._analytics_coordinator.attach(
            store,
            session_id=self.session_id,
            enabled=self.settings.enable_analytics,
            capture=self.settings.capture_content,
            redact_patterns=self.settings.redact_patterns,
        )
        self._context_coordinator.use_session(self.session_id)
        self._planner = Planner(self.settings, self._config_coordinator, self._prompt_coordinator, self.resolve_model)

    @property
    def config_coordinator(self) -> ConfigCoordinator:
        return self._config_coordinator

    @property
    def prompt_coordinator(self) -> PromptCoordinator:
        return self._prompt_coordinator

    @property
    def context_coordinator(self) -> ContextCoordinator:
        return self._context_coordinator

    @property
    def analytics_coordinator(self) -> AnalyticsCoordinator:
        return self._analytics_coordinator

    async def chat(
        self,
        message: str,
        *,
        session_id: str | None = None,
        model: Any = None,
        tools: Iterable[ToolFunction] | None = None,
        output_type: Any = None,
        tags: Mapping[str, JsonValue] | None = None,
        on_chunk: Emit | None = None,
        **model_settings: Any,
    ) -> ChatResponse:
        """Send `message` and return the whole answer.

        Args:
            session_id: whose conversation it continues; the orchestrator's own by default.
            model: for this turn only.
            tools: functions that this turn may call beside the orchestrator's.
            output_type: a pydantic model or another type; `response.output` is then a validated object of it.
            tags: what the turn is for, as in `{"variant": "A"}`; they win over those of `with vn.tags(…)`.
            on_chunk: is given the answer piece by piece; without it the request is not streamed.
            **model_settings: `temperature`, `max_tokens` and the others of `messages.MODEL_SETTINGS`.

        Raises:
            VictorError: the turn failed; the conversation is as it was before.
        """
        call = TurnCall(
            message=_checked_message(message),
            session_id=_checked_session(session_id or self.session_id),
            toolbox=Toolbox([*self.tools, *(tools or ())], timeout_s=self.settings.tool_timeout_s),
            model=model,
            output=None if output_type is None else OutputType(output_type),
            model_settings=checked_model_settings(model_settings, self.settings),
        )
        return await self._run(call, on_chunk, {**current_tags(), **checked_tags(tags or {})})

    def stream_chat(self, message: str, **arguments: Any) -> ChatStream:
        """As `chat`, with the same arguments, but to be iterated over: `async for chunk in stream_chat(…)`.

        Each chunk has `.content`; afterwards `.response` of the returned stream is the whole answer.
        """
        arguments["tags"] = {**current_tags(), **checked_tags(arguments.get("tags") or {})}
        return ChatStream(lambda emit: self.chat(message, **arguments, on_chunk=emit))

    async def _run(self, call: TurnCall, emit: Emit | None, tags: Mapping[str, JsonValue]) -> ChatResponse:
        session = self._sessions.setdefault(call.session_id, _Session())
        async with _talking_in((id(self), call.session_id)), session.lock:
            recorder = TurnRecorder(self._analytics_coordinator, call.session_id)
            turn = Turn(call, self._planner, self._context_coordinator, self._tool_runner, recorder)
            session.turns += 1
            try:
                return await turn.run(self._tagged_origin(tags), session.turns, emit)
            except AuthenticationError:
                self._models.clear()  # by the next turn there may be another key in the environment or in `.env`
                raise
            finally:
                self.last_response = turn.response
                answers.remember(
                    recorder.turn_id, call.session_id, self._analytics_coordinator, answered=turn.response is not None
                )
                self._analytics_coordinator.notify()

    def _tagged_origin(self, tags: Mapping[str, JsonValue]) -> TurnOrigin:
        origin = self._origin()
        return replace(origin, tags={**origin.tags, **tags})

    async def resolve_model(self, wanted: Any = None) -> IChatModel:
        """The model of that name, or the orchestrator's own; made once, in a thread: importing an SDK takes seconds.

        Raises:
            ModelError: there is no such model, or no key for it.
        """
        name, provider = (wanted, None) if wanted is not None else self._default
        if name is None and provider is None:
            name = self.settings.model
        key = tuple(given if isinstance(given, str | None) else id(given) for given in (name, provider))
        if key not in self._models:
            base_url = self.settings.base_url
            self._models[key] = await asyncio.to_thread(build_model, name, provider=provider, base_url=base_url)
        return self._models[key]

    async def use_model(self, model: Any) -> IChatModel:
        """Make `model` the one of all turns that name none."""
        resolved = await self.resolve_model(model)
        self._default = (model, None)
        return resolved

    def use_session(self, session_id: str) -> None:
        """Make `session_id` the session of all turns that name none."""
        self.session_id = _checked_session(session_id)
        self._context_coordinator.use_session(session_id)
        self._analytics_coordinator.use_session(session_id)

    def close(self, timeout_s: float = 2.0) -> None:
        """Let exporters deliver what is pending, for at most `timeout_s`; what is left stays in the store."""
        self._analytics_coordinator.close(timeout_s)


def _checked_message(message: object) -> str:
    if not isinstance(message, str):
        raise UsageError(f"chat() takes text, not {type(message).__name__}.", hint="pass a string")
    if not message.strip():
        raise UsageError("there is nothing to send.", hint="write a question")
    return message


def _checked_session(session_id: object) -> str:
    if not isinstance(session_id, str):
        raise UsageError(f"a session_id is text, not {type(session_id).__name__}.", hint=f'as in "{session_id}"')
    return session_id


def _check_underscored(given: dict[str, Any]) -> None:
    known = [f"_{name}_coordinator" for name in _COORDINATORS]
    for name in given:
        if name not in known:
            public = [word.lstrip("_") for word in known]
            raise TypeError(f"AgentOrchestrator has no argument {name!r}.{did_you_mean(name, known + public)}")


def _one(name: str, public: C | None, underscored: dict[str, Any]) -> C | None:
    documented: C | None = underscored.get(f"_{name}_coordinator")
    if public is not None and documented is not None:
        raise TypeError(f"give either {name}_coordinator or _{name}_coordinator, not both")
    return public if public is not None else documented
