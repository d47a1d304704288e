"""`AgentOrchestrator`: what a user chats through. It puts coordinators, model and store together and starts turns.

How a turn goes is in `turn.py`; what is sent, recorded and kept is the coordinators' business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from victor_nb import clock
from victor_nb.agent.arguments import (
    Given,
    asked_by,
    check_underscored,
    checked_function,
    coordinator_of,
    listed_tools,
)
from victor_nb.agent.budget import Budget, Purse, kernel_budget
from victor_nb.agent.context_services import ContextServices
from victor_nb.agent.continuation import continuation
from victor_nb.agent.coordinators import (
    AnalyticsCoordinator,
    ConfigCoordinator,
    ContextCoordinator,
    PromptCoordinator,
)
from victor_nb.agent.feedback import answers
from victor_nb.agent.inquiry import Emit, ModelInUse
from victor_nb.agent.locks import TurnLock
from victor_nb.agent.middleware import Middlewares
from victor_nb.agent.model_choice import ModelChoice
from victor_nb.agent.output import OutputType
from victor_nb.agent.plan import Planner, TurnCall, assignments_of
from victor_nb.agent.preview import Rehearsal, RequestPreview
from victor_nb.agent.recorder import TurnOrigin, TurnRecorder, lent_origin
from victor_nb.agent.runners import run_in_thread
from victor_nb.agent.sessions import ConversationArchive, Sessions
from victor_nb.agent.sessions.names import checked_session
from victor_nb.agent.store_choice import clock_of, store_of
from victor_nb.agent.streaming import ChatStream
from victor_nb.agent.tags import checked_tags, current_tags
from victor_nb.agent.talking import talking_in
from victor_nb.agent.tools import Toolbox
from victor_nb.agent.tools.approval import Approve
from victor_nb.agent.tools.rounds import ToolSite
from victor_nb.agent.tools.sources import IToolSource, close_sources, found_tools, is_source
from victor_nb.agent.turn import Turn
from victor_nb.config.settings import Settings
from victor_nb.context.builtin import strategy_named
from victor_nb.errors import AuthenticationError
from victor_nb.messages import ChatResponse, JsonValue
from victor_nb.models.wire_messages import wire_from_json, wire_to_json
from victor_nb.prompt import builtin_contributors
from victor_nb.protocols import IChatModel, IEventStore, IMiddleware, IToolRunner, ToolFunction


@dataclass
class _Session:
    """What the orchestrator itself keeps of a session; its conversation is the context coordinator's."""

    lock: TurnLock = field(default_factory=TurnLock)
    turns: int = 0
    running: Turn | None = None
    last_model: ModelInUse | None = None


class AgentOrchestrator:
    """A chat with a model, through four coordinators that can each be replaced.

    Args:
        settings: defaults to `Settings()`: environment, `.env`, `pyproject.toml`, the user's file.
        provider: `"openai"`, or anything that `model` may be, or a provider object of pydantic-ai.
        model: `"anthropic:claude-sonnet-5-5"`, a pydantic-ai `Model`, or an object with the methods of `IChatModel`.
            With neither, what the environment offers is used, and the demo model if it offers nothing.
        tools: functions that every turn may call, and sources of them such as `MCPTools`, which are asked at each turn.
        session_id: the session of calls that name none; a new one by default.
        config_coordinator: your own, as the other three; `_config_coordinator=` and so on are accepted as well.
        store: where events go; by default the file in the settings' `home`.
        tool_runner: where tools are run; by default in a worker thread.
        middleware: objects with `async def __call__(self, request, next)`, the outermost first; see `Middlewares`.
        approve: is asked, with a tool's name and arguments, about calls that require approval; plain or async. By
            default the notebook asks the person, and outside of one such calls are denied.
        origin: tells where a turn comes from (cell, notebook, tags); in a notebook its host by default.
        budget: what counts and limits the costs. By default the one of the notebook, elsewhere its own, for the limit
            of the settings; several orchestrators may share one.

    Raises:
        TypeError: a coordinator is given in both spellings or is none, or an argument is unknown or of a wrong type.
        ConfigError: a setting cannot be used.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        provider: Any = None,
        model: Any = None,
        *,
        tools: Iterable[ToolFunction | IToolSource] = (),
        session_id: str | None = None,
        config_coordinator: ConfigCoordinator | None = None,
        prompt_coordinator: PromptCoordinator | None = None,
        context_coordinator: ContextCoordinator | None = None,
        analytics_coordinator: AnalyticsCoordinator | None = None,
        store: IEventStore | None = None,
        tool_runner: IToolRunner = run_in_thread,
        middleware: Iterable[IMiddleware] = (),
        approve: Approve | None = None,
        origin: Callable[[], TurnOrigin] = lent_origin,
        budget: Budget | None = None,
        **underscored: Any,
    ) -> None:
        if not isinstance(settings, Settings | None):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"settings must be a Settings, not {type(settings).__name__}: use Settings(…)")
        self.settings = settings or Settings()
        self.tools: list[ToolFunction | IToolSource] = listed_tools(tools)
        self._sources: dict[int, IToolSource] = {}
        self.last_response: ChatResponse | None = None
        self._models = ModelChoice(self.settings, model, provider)
        self._middlewares = Middlewares(middleware)
        self._site = ToolSite(checked_function("tool_runner", tool_runner), asked_by(approve))
        self._origin = checked_function("origin", origin)
        self.budget = kernel_budget() if budget is None else budget
        self._sessions: dict[str, _Session] = {}
        check_underscored(underscored)
        config = coordinator_of(ConfigCoordinator, config_coordinator, underscored)
        prompt = coordinator_of(PromptCoordinator, prompt_coordinator, underscored)
        context = coordinator_of(ContextCoordinator, context_coordinator, underscored)
        analytics = coordinator_of(AnalyticsCoordinator, analytics_coordinator, underscored)
        options, strategy = self.settings.prompt_options(), self.settings.compaction_strategy
        self._config_coordinator = config or ConfigCoordinator()
        self._prompt_coordinator = prompt or PromptCoordinator(builtin_contributors(**options))
        self._context_coordinator = context or ContextCoordinator(strategy_named(strategy))
        self._analytics_coordinator = analytics or AnalyticsCoordinator()
        store = store or store_of(self.settings)
        self.session_id = clock_of(store).new_id("session") if session_id is None else checked_session(session_id)
        self._attach(store)

    def _attach(self, store: IEventStore) -> None:
        self._analytics_coordinator.attach(
            store,
            session_id=self.session_id,
            enabled=self.settings.enable_analytics,
            capture=self.settings.capture_content,
            redact_patterns=self.settings.redact_patterns,
        )
        services = ContextServices(
            self.settings,
            self._analytics_coordinator,
            self._middlewares,
            self.resolve_model,
            self._purse(),
            lambda session_id: self._session(session_id).running,
            lambda session_id: self._session(session_id).last_model,
        )
        archive = ConversationArchive(
            store,
            capture=self._analytics_coordinator.capture,
            keep=self.settings.keep_sessions,
            snapshot=lambda session_id: self._context_coordinator.conversation(session_id).operations(),
        )
        self.sessions = Sessions(archive, self._context_coordinator, self._follow)
        self._context_coordinator.attach(
            archive=archive,
            notice=services.notice,
            ask=services.ask,
            embed=services.embed,
            wire_to_json=wire_to_json,
            wire_from_json=wire_from_json,
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
        tools: Iterable[ToolFunction | IToolSource] | None = None,
        images: Iterable[object] = (),
        output_type: Any = None,
        system: str | None = None,
        budget_usd: float | None = None,
        tags: Mapping[str, JsonValue] | None = None,
        on_chunk: Emit | None = None,
        **model_settings: Any,
    ) -> ChatResponse:
        """Send `message` and return the whole answer.

        Args:
            session_id: whose conversation it continues; the orchestrator's own by default.
            model: for this turn only.
            tools: functions that this turn may call beside the orchestrator's.
            images: pictures that go with the message: figures, Pillow images, bytes of image files.
            output_type: a pydantic model or another type; `response.output` is then a validated object of it.
            system: is added to the system prompt of this turn, at its end, and is no part of the conversation.
            budget_usd: what this turn may cost, beside the limits that hold anyway; see `budget.py`.
            tags: what the turn is for, as in `{"variant": "A"}`; they win over those of `with vn.tags(…)`.
            on_chunk: is given the answer piece by piece; without it the request is not streamed.
            **model_settings: `temperature`, `max_tokens` and the others of `messages.MODEL_SETTINGS`.

        Raises:
            UsageError: an argument cannot be used; nothing was recorded.
            ToolLimitError: the model kept calling tools; what it did is kept, also as the error's `response`.
            BudgetError: the next request would cost too much; what was done, if anything, is kept in the same way.
            OutputError: the answer did not fit `output_type`, nor did a second; the error has it as `text`.
            VictorError: the turn failed otherwise. But for those two the conversation is as it was before.
            asyncio.CancelledError: the turn was interrupted; what there was of an answer is kept, and if the turn had
                begun, it is the error's `response`.
        """
        given = Given(
            message,
            session_id=session_id,
            model=model,
            tools=tools,
            images=images,
            output_type=output_type,
            system=system,
            budget_usd=budget_usd,
            tags=tags,
            **model_settings,
        )
        return await self._run(await self._call(given), on_chunk, given.tags)

    async def continue_chat(self, **arguments: Any) -> ChatResponse:
        """Go on with the last answer, where it was interrupted, cut at its limit of tokens, or broke off: a turn of its
        own. Takes the arguments of `chat` but for the message.

        Raises:
            UsageError: there is nothing to continue.
            VictorError: as `chat`.
        """
        return await self.chat(await self.continuation(arguments.get("session_id")), **arguments)

    async def continuation(self, session_id: str | None = None) -> str:
        """The message that `continue_chat` sends. In a cell that is run again it is about what came before its turn.

        Raises:
            UsageError: there is nothing to continue.
        """
        session = self.session_id if session_id is None else checked_session(session_id)
        before, origin = (await self._context_coordinator.open(session)).rehearsal(), self._origin()
        before.begin_turn(clock.new_id("turn"), origin.key, origin.execution)
        return continuation(before.view)

    async def preview_chat(self, message: str, **arguments: Any) -> RequestPreview:
        """What `chat` with these arguments would send first. Nothing is sent or recorded, and the conversation stays as
        it is. It needs no key. Sources of tools, and config providers, are asked.

        Raises:
            VictorError: what `chat` would raise before it sends anything, but for the BudgetError.
        """
        arguments.pop("on_chunk", None)
        call = await self._call(Given(message, **arguments))
        context, analytics, purse = self._context_coordinator, self._analytics_coordinator, self._purse(call.budget_usd)
        rehearsal = Rehearsal(call, self._planner, context, analytics, self._site, purse, self.settings.embedder)
        resolve = partial(self.resolve_model, keyless=True)
        return await rehearsal.preview(self._origin(), resolve, len(self._middlewares))

    async def _call(self, given: Given) -> TurnCall:
        session = self.session_id if given.session_id is None else given.session_id
        return TurnCall(
            message=given.message,
            session_id=session,
            toolbox=await self._toolbox([*self.tools, *given.tools]),
            images=given.images,
            model=given.model,
            output=None if given.output_type is None else OutputType(given.output_type),
            system=given.system,
            budget_usd=given.budget_usd,
            model_settings=given.model_settings,
            assignments=assignments_of(self._config_coordinator, session),
        )

    async def _toolbox(self, tools: Iterable[ToolFunction | IToolSource]) -> Toolbox:
        given = list(tools)
        self._sources.update((id(one), one) for one in given if is_source(one))
        return Toolbox(await found_tools(given), timeout_s=self.settings.tool_timeout_s)

    def stream_chat(self, message: str, **arguments: Any) -> ChatStream:
        """As `chat`, with the same arguments, but to be iterated over: `async for chunk in stream_chat(…)`.

        Each chunk has `.content`; afterwards `.response` of the returned stream is the whole answer.
        """
        arguments["tags"] = {**current_tags(), **checked_tags(arguments.get("tags") or {})}  # those of now
        return ChatStream(lambda emit: self.chat(message, **arguments, on_chunk=emit))

    async def _run(self, call: TurnCall, emit: Emit | None, tags: Mapping[str, JsonValue]) -> ChatResponse:
        session = self._session(call.session_id)
        numbered = clock_of(self._analytics_coordinator.store) is clock.standing()
        own_time = clock.turn(call.session_id, numbered=numbered)
        async with talking_in((id(self), call.session_id)), session.lock, own_time:
            recorder = TurnRecorder(self._analytics_coordinator, call.session_id)
            turn = self._turn(call, recorder)
            origin = self._origin_of(call, tags)
            session.turns += 1
            session.running = turn
            try:
                return await turn.run(origin, session.turns, emit)
            except AuthenticationError:
                self._models.forget()  # by the next turn there may be another key in the environment or in `.env`
                raise
            finally:
                session.running = None
                session.last_model = turn.plan.used if turn.plan else session.last_model
                self.last_response = turn.response
                answers.remember(
                    recorder.turn_id, call.session_id, self._analytics_coordinator, answered=turn.response is not None
                )
                self._analytics_coordinator.notify()

    def _turn(self, call: TurnCall, recorder: TurnRecorder) -> Turn:
        context, purse = self._context_coordinator, self._purse(call.budget_usd)
        return Turn(call, self._planner, context, self._site, self._middlewares, recorder, purse)

    def _purse(self, turn_usd: float | None = None) -> Purse:
        return Purse(self.budget, self.settings.budget_usd, None if turn_usd is None else Budget(turn_usd))

    def _session(self, session_id: str) -> _Session:
        return self._sessions.setdefault(session_id, _Session())

    def _origin_of(self, call: TurnCall, tags: Mapping[str, JsonValue]) -> TurnOrigin:
        """With all tags: the variants of experiments first, so that a tag of the user's own name wins."""
        origin = self._origin()
        return replace(origin, tags={**call.assignments, **origin.tags, **tags})

    async def resolve_model(self, wanted: Any = None, *, keyless: bool = False) -> IChatModel:
        """The model of that name, or the orchestrator's own; made once. With `keyless` one whose key is missing is
        there to be looked at, and cannot be asked.

        Raises:
            ModelError: there is no such model, or no key for it.
        """
        return await self._models.resolve(wanted, keyless=keyless)

    async def use_model(self, model: Any) -> IChatModel:
        """Make `model` the one of all turns that name none."""
        return await self._models.use(model)

    def use_session(self, session_id: str) -> None:
        """Make `session_id` the session of all turns that name none. Raises UsageError when it cannot be one."""
        self.session_id = checked_session(session_id)
        self._context_coordinator.use_session(session_id)
        self._analytics_coordinator.use_session(session_id)

    def _follow(self, old: str, new: str) -> None:
        """A session was renamed."""
        if old in self._sessions:
            self._sessions[new] = self._sessions.pop(old)
        if old == self.session_id:
            self.use_session(new)

    def close(self, timeout_s: float = 2.0) -> None:
        """Let other kernels have its sessions, close its sources of tools, and let exporters deliver what is pending,
        for at most `timeout_s` each; what is left stays in the store."""
        self.sessions.release()
        close_sources(self._sources.values(), timeout_s)
        self._analytics_coordinator.close(timeout_s)
