"""What a turn is going to do, decided before anything is sent: which model, settings, tools and system prompt.

The order of precedence is: the call's own arguments, the config coordinator, the orchestrator's settings.
"""

from __future__ import annotations

import warnings
from collections.abc import Awaitable, Callable, Mapping
from copy import copy
from dataclasses import dataclass, field
from typing import Any, Final, cast

from victor_nb.agent.config_check import check_config
from victor_nb.agent.coordinators.config_coordinator import ConfigCoordinator, ConfigLoad
from victor_nb.agent.coordinators.prompt_coordinator import BuiltPrompt, PromptCoordinator
from victor_nb.agent.inquiry import ModelInUse
from victor_nb.agent.model_settings import configured_model_settings
from victor_nb.agent.output import OutputType
from victor_nb.agent.recorder import TurnRecorder
from victor_nb.agent.tools import Toolbox
from victor_nb.agent.tools.offers import Asked, ToolOffers
from victor_nb.config.settings import Settings
from victor_nb.errors import ConfigError
from victor_nb.messages import Image, JsonValue, ToolSpec
from victor_nb.protocols import Config, IChatModel, PromptContext

OF_A_TURN: Final = frozenset(
    {
        "model",
        "system_prompt",
        "timeout_s",
        "temperature",
        "max_tokens",
        "top_p",
        "context_window",
        "context_compaction_threshold",
        "context_compaction_target",
        "reserved_output_tokens",
        "max_tool_rounds",
        "max_parallel_tools",
        "tool_selection_strategy",
        "tool_selection_limit",
        "tool_selection_hybrid_alpha",
        "embedder",
        "prices",
    }
)
"""The settings that a config coordinator can change; all others are read when the orchestrator is made."""

ModelResolver = Callable[[Any], Awaitable[IChatModel]]


@dataclass(frozen=True)
class TurnCall:
    """The arguments of one `chat()`."""

    message: str
    session_id: str
    toolbox: Toolbox
    images: tuple[Image, ...] = ()
    model: Any = None
    output: OutputType | None = None
    system: str | None = None
    budget_usd: float | None = None
    model_settings: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])
    prompt_context: Mapping[str, Any] = field(default_factory=dict[str, Any])
    assignments: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class TurnPlan:
    """Everything that stays the same during a turn."""

    used: ModelInUse
    system: str
    toolbox: Toolbox
    offered: tuple[ToolSpec, ...]
    output: OutputType | None
    model_settings: Mapping[str, JsonValue]
    compaction_threshold: float | int
    compaction_target: float | int
    reserved_output_tokens: int
    max_tool_rounds: int
    max_parallel_tools: int

    @property
    def model(self) -> IChatModel:
        return self.used.model

    @property
    def max_result_tokens(self) -> int:
        """The most that one tool result may take: a quarter of what is free, so that an answer still fits."""
        window = self.used.window_tokens
        return (window - min(self.reserved_output_tokens, window // 2)) // 4


class Planner:
    """Makes a plan of a call, through the config and the prompt coordinator."""

    def __init__(
        self, settings: Settings, config: ConfigCoordinator, prompt: PromptCoordinator, resolve_model: ModelResolver
    ) -> None:
        self._settings = settings
        self._config = config
        self._prompt = prompt
        self._resolve_model = resolve_model
        self._offers = ToolOffers()
        self._warned: set[str] = set()

    def rehearsal(self, resolve_model: ModelResolver, unasked: Callable[[str], None]) -> Planner:
        """One that plans the same, of which nothing here is changed, for a turn that is not run. `unasked` is told of
        what it does without: nothing that is sent away may be part of it."""
        twin = copy(self)
        twin._resolve_model, twin._offers = resolve_model, self._offers.rehearsal(unasked)
        twin._prompt = _rehearsal(self._prompt)
        return twin

    async def plan(self, call: TurnCall, recorder: TurnRecorder, asked: Asked) -> TurnPlan:
        """
        Raises:
            ConfigError: no provider of settings answered, or one gave a value that cannot be used.
            ModelError: the model cannot be had.
            PromptError: a required contributor failed.
        """
        config = await self._load_config(call, recorder)
        settings = self._with_config(config)
        model = await self._resolve_model(call.model or config.get("model"))
        prompt = await self._build_prompt(call, config, settings, model, recorder)
        return TurnPlan(
            used=ModelInUse.of(model, settings.context_window, settings.prices),
            system=prompt.text,
            toolbox=call.toolbox,
            offered=await self._offers.of(call.toolbox, asked, settings),
            output=call.output,
            model_settings=self._model_settings(settings, config, call),
            compaction_threshold=settings.context_compaction_threshold,
            compaction_target=settings.context_compaction_target,
            reserved_output_tokens=settings.reserved_output_tokens,
            max_tool_rounds=settings.max_tool_rounds,
            max_parallel_tools=settings.max_parallel_tools,
        )

    async def _load_config(self, call: TurnCall, recorder: TurnRecorder) -> Config:
        loaded = await _load(self._config, call.session_id)
        names = {"keys": sorted(loaded.config), "providers": list(loaded.providers), "failed": list(loaded.failed)}
        recorder.record("config_loaded", {**names, "assignments": dict(call.assignments)})
        self._warn_of_idle(loaded)
        return check_config(loaded.config, loaded.origin)

    def _warn_of_idle(self, loaded: ConfigLoad) -> None:
        """Of settings that come too late, once each."""
        late = loaded.config.keys() & type(self._settings).model_fields.keys() - OF_A_TURN - self._warned
        for key in sorted(late):
            self._warned.add(key)
            whose = loaded.origin.get(key, "the config coordinator")
            warnings.warn(
                f"{key} (from {whose}) has no effect there: it is read when the orchestrator is made. Give it as "
                f"Settings({key}=…), or set VICTOR_{key.upper()} before that.",
                UserWarning,
                stacklevel=2,
            )

    def _with_config(self, config: Config) -> Settings:
        """The settings, with those keys of the config that are a turn's settings."""
        own = {key: value for key, value in config.items() if key in OF_A_TURN}
        return self._settings.updated(own, "the config coordinator") if own else self._settings

    async def _build_prompt(
        self, call: TurnCall, config: Config, settings: Settings, model: IChatModel, recorder: TurnRecorder
    ) -> BuiltPrompt:
        context = PromptContext(
            {
                **config,
                "session_id": call.session_id,
                "message": call.message,
                "model": model.name,
                "tools": list(call.toolbox),
                "system_prompt": config.get("system_prompt", settings.system_prompt),
                "turn_prompt": call.system,
                **call.prompt_context,
            }
        )
        built = await _build(self._prompt, context)
        sections = [section.contributor for section in built.sections]
        summary = {"sections": sections, "failed": list(built.failed), "prompt_chars": len(built.text)}
        recorder.record("prompt_built", summary)
        return built

    def _model_settings(self, settings: Settings, config: Config, call: TurnCall) -> dict[str, JsonValue]:
        merged = settings.request_settings() | configured_model_settings(config) | dict(call.model_settings)
        return {key: value for key, value in merged.items() if value is not None}


def assignments_of(coordinator: ConfigCoordinator, session_id: str) -> dict[str, str]:
    """Experiment → variant of the session; none where a coordinator of the user's own knows of no experiments."""
    assignments: object = getattr(coordinator, "assignments", None)
    return coordinator.assignments(session_id) if callable(assignments) else {}


async def _load(coordinator: ConfigCoordinator, session_id: str) -> ConfigLoad:
    """Through `load_config` when the user has replaced it, so that a coordinator of theirs is really asked."""
    if _is_own(coordinator, ConfigCoordinator, "load_config"):
        return await coordinator.load(session_id)
    config = cast("object", await coordinator.load_config(session_id=session_id))
    if not isinstance(config, dict):
        raise ConfigError(f"{type(coordinator).__name__}.load_config() returned {type(config).__name__}, not a dict.")
    name = type(coordinator).__name__
    return ConfigLoad(config=cast("Config", config), providers=(name,), failed={})


async def _build(coordinator: PromptCoordinator, context: PromptContext) -> BuiltPrompt:
    if _is_own(coordinator, PromptCoordinator, "build_system_prompt"):
        return await coordinator.build(context)
    parts = [await coordinator.build_system_prompt(context), context.get("turn_prompt")]
    return BuiltPrompt(text="\n\n".join(part for part in parts if part), sections=(), failed=())


def _rehearsal(coordinator: PromptCoordinator) -> PromptCoordinator:
    """What only stands in for one is asked as it is."""
    rehearsal: object = getattr(coordinator, "rehearsal", None)
    return coordinator.rehearsal() if callable(rehearsal) else coordinator


def _is_own(coordinator: object, base: type, method: str) -> bool:
    return isinstance(coordinator, base) and getattr(type(coordinator), method) is getattr(base, method)
