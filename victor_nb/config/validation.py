"""Checks a configuration against what it can have an effect on: settings by their own rules, model settings by theirs.

Any other key is free, unless it is so near to a known one that it can only be a slip. Settings are imported late,
because that costs pydantic-settings.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Final, Literal

from pydantic import Field, TypeAdapter, ValidationError

from victor_nb.config.complaints import complaint
from victor_nb.config.kinds import Positive, Seconds, allowed
from victor_nb.config.merge import copied
from victor_nb.errors import ConfigError
from victor_nb.messages import MODEL_SETTINGS
from victor_nb.protocols import Config

CALLER: Final = "the caller"
_NEAR: Final = 0.8
_Penalty = Annotated[float, Field(ge=-2, le=2, allow_inf_nan=False)]

MODEL_SETTING_KINDS: Final[dict[str, Any]] = {
    "max_tokens": Positive,
    "temperature": Annotated[float, Field(ge=0, allow_inf_nan=False)],
    "top_p": Annotated[float, Field(gt=0, le=1)],
    "top_k": Positive,
    "timeout": Seconds,
    "parallel_tool_calls": bool,
    "seed": int,
    "presence_penalty": _Penalty,
    "frequency_penalty": _Penalty,
    "logit_bias": dict[str, int],
    "stop_sequences": list[str],
    "extra_body": dict[str, Any],
    "thinking": bool | Literal["minimal", "low", "medium", "high", "xhigh", "max"],
    "service_tier": Literal["auto", "default", "flex", "priority"],
}
"""Model setting → what it may be. None is allowed for all: it is not sent."""


def check_config(config: Mapping[str, Any], origin: Mapping[str, str] | None = None) -> Config:
    """A copy of `config`, with the values of known keys as their settings take them.

    Args:
        origin: dotted key → the provider whose value it is.

    Raises:
        ConfigError: a value cannot be used, or a key that is unknown is nearly the name of a known one.
    """
    from victor_nb.config.settings import Settings

    settings = Settings.model_fields
    checked = copied(dict(config))
    for key, value in config.items():
        whose = _origin_of(key, origin or {})
        if key in settings:
            checked[key] = Settings.checked(key, value, whose)
        elif key in MODEL_SETTINGS:
            checked[key] = checked_model_setting(key, value, whose)
        else:
            _refuse_slip(key, [*settings, *MODEL_SETTINGS], whose)
    return checked


def checked_model_setting(key: str, value: object, origin: str) -> Any:
    """The value as `ModelRequest.settings` takes it.

    Raises:
        ConfigError: it cannot be used.
    """
    kind = MODEL_SETTING_KINDS[key]
    try:
        return None if value is None else _adapter(key).validate_python(value)
    except ValidationError:
        raise complaint(f"Model setting {key}", value, origin, f"must be {allowed(kind)}", kind) from None


@cache
def _adapter(key: str) -> TypeAdapter[Any]:
    return TypeAdapter(MODEL_SETTING_KINDS[key])


def _refuse_slip(key: object, known: list[str], origin: str) -> None:
    """A free key is anybody's right: only one or two letters beside a known one it is refused."""
    near = difflib.get_close_matches(key.lower(), known, n=1, cutoff=_NEAR) if isinstance(key, str) else []
    if near:
        raise ConfigError(
            f"Unknown configuration key {key!r} (from {origin}). Did you mean {near[0]!r}?",
            hint="A key of your own needs a name that is less like it, or a place inside of a dict.",
        )


def _origin_of(key: object, origin: Mapping[str, str]) -> str:
    text = str(key)
    names = [name for path, name in origin.items() if path == text or path.startswith(f"{text}.")]
    return ", ".join(dict.fromkeys(names)) or CALLER
