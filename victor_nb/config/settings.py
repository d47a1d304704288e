"""The settings of a person, a project or a call, each with the place it came from.

First found wins: argument, environment variable `VICTOR_…`, `.env` in the working directory, `[tool.victor_nb]` of the
nearest pyproject.toml, the user's `victor_nb/config.toml`, default. API keys are no settings: they stay in the
environment. This module is imported where settings are made, never by `import victor_nb`.
"""

# ruff: noqa: TID253 (this module is pydantic-settings' one use, and is itself imported late by everyone)
from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import Field, PrivateAttr, TypeAdapter, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from victor_nb.config import sources
from victor_nb.config.complaints import complaint
from victor_nb.config.kinds import (
    Amount,
    Dollars,
    Filled,
    Folder,
    GuardedUrl,
    Patterns,
    Positive,
    Prices,
    Seconds,
    StoreLocation,
    WebAddress,
    allowed,
)
from victor_nb.config.sources import Source
from victor_nb.errors import ConfigError, did_you_mean
from victor_nb.isolation import counting
from victor_nb.messages import JsonValue


def _half_of_threshold(found: dict[str, Any]) -> int | float:
    threshold = found.get("context_compaction_threshold", 0.8)
    return max(threshold // 2, 2) if isinstance(threshold, int) else threshold / 2


def _home() -> Path:
    import platformdirs

    return platformdirs.user_data_path("victor_nb", appauthor=False)


_HIDDEN = ("base_url", "store")
"""May hold a password."""


class Settings(BaseSettings):
    """All settings. Immutable; `settings.model_copy(update={…})` makes a changed copy.

    Raises ConfigError when a name is unknown or a value cannot be used, saying where it was written.

    Attributes:
        model: a model by name, such as `anthropic:claude-sonnet-5-5`; None detects one.
        base_url: an OpenAI-compatible server to use in place of the provider's own.
        home: the folder of the analytics store (`VICTOR_HOME`).
        store: the SQLite file of the analytics store, a `postgresql://` URL, or `memory`; None is `home`'s `victor.db`.
        capture_content: whether prompts and answers are kept in the store: `on`, `off`, or `redacted`, without e-mail
            addresses, phone, card and bank account numbers, and what `redact_patterns` match.
        redact_patterns: regular expressions; a JSON list in the environment.
        context_compaction_threshold: a conversation is made smaller from here on: a fraction of the window less
            `reserved_output_tokens`, or a number of tokens.
        context_compaction_target: … and down to this; half of the threshold unless set.
        context_window: tokens; None asks the model.
        prompt_language: what the answers are written in, by name or code: `german`, `pt-BR`.
        prompt_code_style: how code is written: `pep8`, `google`, …, `project` for what pyproject.toml tells the
            project's formatter, or a sentence.
        prompt_compliance: rules that every request carries, or the path of the `.md` or `.txt` file that holds them.
        prompt_notebook: whether the model is told names, types and shapes of the notebook's variables.
        prompt_project: whether it is told what `VICTOR.md` or `AGENTS.md` says, of the working directory or above.
        compaction_strategy: how it is made smaller, unless the context coordinator is given a strategy.
        keep_sessions: whether conversations are kept in the store, so that they outlive their kernel; with
            `capture_content="off"` they never are.
        embedder: a model by name that turns texts into vectors, such as `openai:text-embedding-3-small`; None compares
            words (TF-IDF), which needs no network.
        tool_selection_limit: with more tools than this, a request offers only those that `tool_selection_strategy`
            finds nearest to the question; `tool_selection_hybrid_alpha` is the share of meaning against words.
        budget_usd: what the kernel run may spend, see `agent/budget.py`; None is no limit.
        prices: of models that no table knows, or that cost you something else: `{"openai:my-model": (0.5, 2)}`, input
            and output, in US dollars per million tokens.
        temperature, max_tokens, top_p, timeout_s: sent with every request unless None.
        verbosity: what a notebook shows beside the answers: `quiet` leaves out the line below them and confirmations,
            `detailed` tells more in that line.
    """

    model_config = SettingsConfigDict(
        env_prefix=sources.PREFIX, env_ignore_empty=True, extra="forbid", frozen=True, hide_input_in_errors=True
    )

    model: Filled | None = None
    base_url: WebAddress | None = None
    home: Folder = Field(default_factory=_home)
    store: StoreLocation = None
    enable_analytics: bool = True
    capture_content: Literal["on", "off", "redacted"] = "on"
    redact_patterns: Annotated[Patterns, NoDecode] = []
    context_compaction_threshold: Amount = 0.8
    context_compaction_target: Amount = Field(default_factory=_half_of_threshold)
    context_window: Positive | None = None
    reserved_output_tokens: Annotated[int, Field(ge=0)] = 4096
    system_prompt: str | None = None
    prompt_language: Filled | None = None
    prompt_code_style: Filled | None = None
    prompt_compliance: Filled | None = None
    prompt_notebook: bool = False
    prompt_project: bool = False
    compaction_strategy: Literal["digest", "recent", "summarizing", "semantic", "task_aware", "hybrid"] = "digest"
    keep_sessions: bool = True
    embedder: Filled | None = None
    max_tool_rounds: Positive = 10
    max_parallel_tools: Positive = 8
    tool_timeout_s: Seconds | None = None
    tool_selection_strategy: Literal["keyword", "semantic", "hybrid"] = "hybrid"
    tool_selection_limit: Positive = 32
    tool_selection_hybrid_alpha: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.5
    budget_usd: Dollars | None = None
    prices: Annotated[Prices, NoDecode] = {}
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    max_tokens: Positive | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    timeout_s: Seconds | None = None
    verbosity: Literal["quiet", "normal", "detailed"] = "normal"

    _origins: dict[str, str] = PrivateAttr(default_factory=dict[str, str])

    def __init__(self, **values: Any) -> None:
        origins: dict[str, str] = {}
        merged: dict[str, Any] = {}
        for source in _sources(values):
            for name in source.values.keys() - merged.keys():
                merged[name] = source.values[name]
                origins[name] = source.origin(name)
        try:
            super().__init__(**merged)
        except ValidationError as error:
            raise _complaint(error, origins) from None
        self._origins = origins

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The sources are read in `__init__`, which remembers where each value came from."""
        return (init_settings,)

    @model_validator(mode="after")
    def _target_below_threshold(self) -> Settings:
        threshold, target = self.context_compaction_threshold, self.context_compaction_target
        if isinstance(threshold, int) == isinstance(target, int) and target > threshold:
            raise ValueError(
                f"context_compaction_target ({target}) is above context_compaction_threshold ({threshold})"
            )
        return self

    @property
    def store_location(self) -> Path | str:
        """The analytics store as `open_store` takes it: a SQLite file, the URL of a database, or `memory`."""
        return self.store or self.home / "victor.db"

    def explain(self) -> dict[str, tuple[Any, str]]:
        """Setting → its value and where it came from: `argument`, a variable, a file's path, or `default`. The password
        in a URL is not shown."""
        return {name: (_shown(getattr(self, name)), self.origin_of(name)) for name in type(self).model_fields}

    def origin_of(self, name: str) -> str:
        """Where the value of a setting came from, as `explain` says it."""
        return self._origins.get(name, "default")

    def updated(self, changes: Mapping[str, Any], origin: str) -> Settings:
        """A copy with these values, each checked as if it were an argument. `origin` tells where they came from.

        Raises ConfigError.
        """
        checked = {name: self.checked(name, value, origin) for name, value in changes.items()}
        copy = self.model_copy(update=checked)
        copy._origins = {**self._origins, **dict.fromkeys(checked, origin)}
        return copy

    @staticmethod
    def checked(name: str, value: object, origin: str) -> Any:
        """The value that the setting `name` would have. Raises ConfigError, which names `origin`."""
        try:
            return _adapter(name).validate_python(value)
        except ValidationError as error:
            raise _complaint(error, {name: origin}, name) from None

    def prompt_options(self) -> dict[str, Any]:
        """Which built-in sections the system prompt has, as `prompt.builtin_contributors` takes them."""
        return {
            "language": self.prompt_language,
            "code_style": self.prompt_code_style,
            "compliance": self.prompt_compliance,
            "notebook": self.prompt_notebook,
            "project": self.prompt_project,
        }

    def request_settings(self) -> dict[str, JsonValue]:
        """Those settings that are sent with every model request, under the names of `MODEL_SETTINGS`."""
        found: dict[str, JsonValue] = {
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
            "top_p": self.top_p,
            "timeout": self.timeout_s,
        }
        return {name: value for name, value in found.items() if value is not None}


def _shown(value: object) -> object:
    return value.shown() if isinstance(value, GuardedUrl) else value


@cache
def _adapter(name: str) -> TypeAdapter[Any]:
    field = Settings.model_fields[name]
    if not field.metadata:
        return TypeAdapter(cast("Any", field.annotation))
    return TypeAdapter(cast("Any", Annotated)[(field.annotation, *field.metadata)])


def _sources(arguments: Mapping[str, Any]) -> list[Source]:
    """All sources, the strongest first."""
    known = list(Settings.model_fields)
    for name in arguments:
        if name not in known:
            nearest = did_you_mean(name, known)
            raise ConfigError(
                f"Unknown setting {name!r}.{nearest}", hint="" if nearest else f"Known: {', '.join(known)}"
            )
    amounts = ("context_compaction_threshold", "context_compaction_target")
    own = counting()
    dotenv = (
        {}
        if own is not None and not own
        else DotEnvSettingsSource(Settings, env_file=Path(".env"), env_file_encoding="utf-8")()
    )
    dotenv = {name: value for name, value in dotenv.items() if own is None or name in own}
    sources.warn_of_unknown({*sources.environment_names(), *dotenv}, known)
    return [
        Source("argument", arguments),
        sources.text_source("env {name}", EnvSettingsSource(Settings)(), known, amounts),
        sources.text_source(".env {name}", dotenv, known, amounts),
        sources.pyproject_source(known),
        Source("", {}) if own is not None and not own else sources.user_source(known).only(own),
    ]


def allowed_values(name: str) -> str:
    """What a setting may be, as the end of "it must be …"."""
    field = Settings.model_fields[name]
    return allowed(field.annotation, field.metadata)


def _complaint(error: ValidationError, origins: Mapping[str, str], name: str | None = None) -> ConfigError:
    """The first thing that is wrong, in one line."""
    first = next(found for found in error.errors() if found["type"] != "default_factory_not_called")
    reason = first["msg"].removeprefix("Value error, ") if first["type"] == "value_error" else ""
    if not first["loc"] and name is None:
        return ConfigError(f"{reason}.", hint="Lower the target, or raise the threshold.")
    name = name or str(first["loc"][0])
    field = Settings.model_fields[name]
    return complaint(
        f"Setting {name}",
        first["input"],
        origins.get(name, "default"),
        reason or f"must be {allowed_values(name)}",
        field.annotation,
        hidden=name in _HIDDEN,
    )
