"""The settings of a person, a project or a call, each with the place it came from.

First found wins: argument, environment variable `VICTOR_…`, `.env` in the working directory, `[tool.victor_nb]` of the
nearest pyproject.toml, the user's `victor_nb/config.toml`, default. API keys are no settings: they stay in the
environment. This module is imported where settings are made, never by `import victor_nb`.
"""

# ruff: noqa: TID253 (this module is pydantic-settings' one use, and is itself imported late by everyone)
from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import AfterValidator, BeforeValidator, Field, PrivateAttr, TypeAdapter, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from victor_nb.config import sources
from victor_nb.config.sources import Source
from victor_nb.errors import ConfigError, did_you_mean
from victor_nb.messages import JsonValue

_AMOUNT_HINT = (
    "a fraction above 0 up to 1.0 (of the window less the reserved output), or a whole number of tokens from 2"
)


def _amount(value: object) -> int | float:
    """A fraction of the window, or a number of tokens."""
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"must be {_AMOUNT_HINT}")
    if isinstance(value, int) and value >= 2:
        return value
    if isinstance(value, float) and 0 < value <= 1:
        return value
    raise ValueError(f"must be {_AMOUNT_HINT}")


def _half_of_threshold(found: dict[str, Any]) -> int | float:
    threshold = found.get("context_compaction_threshold", 0.8)
    return max(threshold // 2, 2) if isinstance(threshold, int) else threshold / 2


def _home() -> Path:
    import platformdirs

    return platformdirs.user_data_path("victor_nb", appauthor=False)


def _expanded(value: object) -> object:
    return Path(value).expanduser() if isinstance(value, str) else value


class StoreUrl(str):
    """The URL of a store, which does not show its password in a `repr`."""

    __slots__ = ()

    def shown(self) -> str:
        without = re.sub(r"(://[^:/?#]*):.*@", r"\1:***@", self)
        return re.sub(r"(?i)([?&][^=&]*password=)[^&#]*", r"\1***", without)

    def __repr__(self) -> str:
        return repr(self.shown())


def _location(value: object) -> object:
    if isinstance(value, str) and value.startswith(("postgresql://", "postgres://")):
        return value
    if isinstance(value, str) and "://" in value:
        raise ValueError("must be the path of a SQLite file, or a postgresql:// URL")
    return _expanded(value)


def _guarded(value: Path | str | None) -> Path | str | None:
    return StoreUrl(value) if isinstance(value, str) else value


def _list(value: object) -> object:
    """A list, also as the JSON that an environment variable can hold."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise ValueError(f"must be a JSON list of regular expressions, as {_PATTERNS_EXAMPLE}") from None


def _patterns(value: list[str]) -> list[str]:
    for pattern in value:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"{pattern!r} is no regular expression ({error})") from None
    return value


_PATTERNS_EXAMPLE = '["EMP-\\\\d+"]'
Amount = Annotated[float | int, BeforeValidator(_amount)]
Positive = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Settings(BaseSettings):
    """All settings. Immutable; `settings.model_copy(update={…})` makes a changed copy.

    Raises ConfigError when a name is unknown or a value cannot be used, saying where it was written.

    Attributes:
        model: a model by name, such as `anthropic:claude-sonnet-5-5`; None detects one.
        base_url: an OpenAI-compatible server to use in place of the provider's own.
        home: the folder of the analytics store (`VICTOR_HOME`).
        store: the SQLite file of the analytics store, or a `postgresql://` URL; None is `victor.db` in `home`.
        capture_content: whether prompts and answers are kept in the store: `on`, `off`, or `redacted`, without e-mail
            addresses, phone, card and bank account numbers, and what `redact_patterns` match.
        redact_patterns: regular expressions; a JSON list in the environment.
        context_compaction_threshold: a conversation is made smaller from here on: a fraction of the window less
            `reserved_output_tokens`, or a number of tokens.
        context_compaction_target: … and down to this; half of the threshold unless set.
        context_window: tokens; None asks the model.
        compaction_strategy: how it is made smaller, unless the context coordinator is given a strategy.
        keep_sessions: whether conversations are kept in the store, so that they outlive their kernel; with
            `capture_content="off"` they never are.
        embedder: a model by name that turns texts into vectors, such as `openai:text-embedding-3-small`; None compares
            words (TF-IDF), which needs no network.
        tool_selection_limit: with more tools than this, a request offers only those that `tool_selection_strategy`
            finds nearest to the question; `tool_selection_hybrid_alpha` is the share of meaning against words.
        temperature, max_tokens, top_p, timeout_s: sent with every request unless None.
    """

    model_config = SettingsConfigDict(
        env_prefix=sources.PREFIX, env_ignore_empty=True, extra="forbid", frozen=True, hide_input_in_errors=True
    )

    model: str | None = None
    base_url: str | None = None
    home: Annotated[Path, BeforeValidator(_expanded)] = Field(default_factory=_home)
    store: Annotated[Path | str | None, BeforeValidator(_location), AfterValidator(_guarded)] = None
    enable_analytics: bool = True
    capture_content: Literal["on", "off", "redacted"] = "on"
    redact_patterns: Annotated[list[str], NoDecode, BeforeValidator(_list), AfterValidator(_patterns)] = []
    context_compaction_threshold: Amount = 0.8
    context_compaction_target: Amount = Field(default_factory=_half_of_threshold)
    context_window: Positive | None = None
    reserved_output_tokens: Annotated[int, Field(ge=0)] = 4096
    system_prompt: str | None = None
    compaction_strategy: Literal["digest", "recent", "summarizing", "semantic", "task_aware", "hybrid"] = "digest"
    keep_sessions: bool = True
    embedder: str | None = None
    max_tool_rounds: Positive = 10
    max_parallel_tools: Positive = 8
    tool_timeout_s: Seconds | None = None
    tool_selection_strategy: Literal["keyword", "semantic", "hybrid"] = "hybrid"
    tool_selection_limit: Positive = 32
    tool_selection_hybrid_alpha: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.5
    temperature: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    max_tokens: Positive | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    timeout_s: Seconds | None = None

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
            raise _config_error(error, origins) from None
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
        """The analytics store as `open_store` takes it: a SQLite file, or the URL of a database."""
        return self.store or self.home / "victor.db"

    def explain(self) -> dict[str, tuple[Any, str]]:
        """Setting → its value and where it came from: `argument`, a variable, a file's path, or `default`. The password
        in a URL is not shown."""
        return {
            name: (_shown(getattr(self, name)), self._origins.get(name, "default")) for name in type(self).model_fields
        }

    def updated(self, changes: Mapping[str, Any], origin: str) -> Settings:
        """A copy with these values, each checked as if it were an argument. `origin` tells where they came from.

        Raises ConfigError.
        """
        checked = {name: _checked(name, value, origin) for name, value in changes.items()}
        copy = self.model_copy(update=checked)
        copy._origins = {**self._origins, **dict.fromkeys(checked, origin)}
        return copy

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
    return value.shown() if isinstance(value, StoreUrl) else value


@cache
def _adapter(name: str) -> TypeAdapter[Any]:
    field = Settings.model_fields[name]
    if not field.metadata:
        return TypeAdapter(cast("Any", field.annotation))
    return TypeAdapter(cast("Any", Annotated)[(field.annotation, *field.metadata)])


def _checked(name: str, value: object, origin: str) -> Any:
    try:
        return _adapter(name).validate_python(value)
    except ValidationError as error:
        raise _config_error(error, {name: origin}, name) from None


def _sources(arguments: Mapping[str, Any]) -> list[Source]:
    """All sources, the strongest first."""
    known = list(Settings.model_fields)
    for name in arguments:
        if name not in known:
            raise ConfigError(
                f"Unknown setting {name!r}.{did_you_mean(name, known)}", hint="Known: " + ", ".join(known)
            )
    amounts = ("context_compaction_threshold", "context_compaction_target")
    dotenv = DotEnvSettingsSource(Settings, env_file=Path(".env"), env_file_encoding="utf-8")()
    sources.warn_of_unknown({*sources.environment_names(), *dotenv}, known)
    return [
        Source("argument", arguments),
        sources.text_source("env {name}", EnvSettingsSource(Settings)(), known, amounts),
        sources.text_source(".env {name}", dotenv, known, amounts),
        sources.pyproject_source(known),
        sources.user_source(known),
    ]


def _config_error(error: ValidationError, origins: Mapping[str, str], name: str | None = None) -> ConfigError:
    """The first thing that is wrong, in one line."""
    first = next(found for found in error.errors() if found["type"] != "default_factory_not_called")
    reason = first["msg"].removeprefix("Value error, ")
    if not first["loc"] and name is None:
        return ConfigError(f"{reason}.", hint="Lower the target, or raise the threshold.")
    name = name or str(first["loc"][0])
    return ConfigError(f"Setting {name} (from {origins.get(name, 'default')}): {reason}.", hint=_allowed(name))


def _allowed(name: str) -> str:
    description = {"capture_content": "Use 'on', 'redacted' or 'off'.", "enable_analytics": "Use true or false."}
    return description.get(name, f"Set {sources.PREFIX}{name.upper()} or {name}=… to such a value, or leave it out.")
