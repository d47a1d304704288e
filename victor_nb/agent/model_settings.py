"""The settings of a model request, each with the values that it may have. Knows no provider: what one of them refuses
beyond that, it says itself.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from victor_nb.errors import ConfigError, UsageError, VictorError, did_you_mean
from victor_nb.messages import MODEL_SETTINGS, JsonValue

_TIERS: Final = ("auto", "default", "flex", "priority")
_EFFORTS: Final = ("minimal", "low", "medium", "high", "xhigh", "max")
_SEEDS: Final = range(-(2**63), 2**63)


@dataclass(frozen=True, slots=True)
class _Rule:
    """What a setting may be, in words, and whether a value is that."""

    allowed: str
    holds: Callable[[Any], bool]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _number(low: float, high: float, *, above: bool = False) -> _Rule:
    def holds(value: Any) -> bool:
        return _is_number(value) and (low < value if above else low <= value) and value <= high

    if high == math.inf:
        return _Rule(f"a finite number above {low:g}", holds)
    return _Rule(f"a finite number {f'above {low:g} and up' if above else f'from {low:g}'} to {high:g}", holds)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_seed(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value in _SEEDS


def _are_texts(value: object) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(item, str) and item for item in cast("list[Any]", value))


def _is_bias(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    biases = cast("dict[Any, Any]", value)
    return all(isinstance(token, str) and _is_number(bias) and -100 <= bias <= 100 for token, bias in biases.items())


_COUNT: Final = _Rule("a whole number from 1", _is_count)
_PENALTY: Final = _number(-2, 2)
_RULES: Final[dict[str, _Rule]] = {
    "max_tokens": _COUNT,
    "temperature": _number(0, 2),
    "top_p": _number(0, 1, above=True),
    "top_k": _COUNT,
    "timeout": _number(0, math.inf, above=True),
    "parallel_tool_calls": _Rule("True or False", lambda value: isinstance(value, bool)),
    "seed": _Rule("a whole number of 64 bits", _is_seed),
    "presence_penalty": _PENALTY,
    "frequency_penalty": _PENALTY,
    "logit_bias": _Rule("a dict from token ids, as text, to numbers from -100 to 100", _is_bias),
    "stop_sequences": _Rule("a list of texts that are not empty", _are_texts),
    "extra_body": _Rule("a dict that is JSON", lambda value: isinstance(value, dict)),
    "thinking": _Rule(
        f"True, False or one of {', '.join(_EFFORTS)}", lambda value: isinstance(value, bool) or value in _EFFORTS
    ),
    "service_tier": _Rule(f"one of {', '.join(_TIERS)}", lambda value: value in _TIERS),
}
_EXAMPLES: Final[dict[str, str]] = {
    "temperature": "as in temperature=0.2",
    "max_tokens": "as in max_tokens=500",
    "stop_sequences": "as in stop_sequences=['END']",
}


def checked_model_settings(given: Mapping[str, Any]) -> dict[str, JsonValue]:
    """The arguments of a `chat()` that are none of its own, when each is a model setting. None takes one back.

    Raises UsageError for an unknown name, or a value that cannot be.
    """
    for name in given:
        if name not in MODEL_SETTINGS:
            raise UsageError(
                f"{name!r} is no argument of chat() and no model setting.{did_you_mean(name, MODEL_SETTINGS)}",
                hint=f"known settings: {', '.join(sorted(MODEL_SETTINGS))}",
            )
    return _checked(given, "", UsageError)


def read_setting(name: str, text: str) -> JsonValue:
    """A setting with one plain value, from how it is written. Raises UsageError when it cannot be that."""
    try:
        value: Any = json.loads(text.lower() if text.lower() in ("true", "false") else text)
    except ValueError:
        value = text
    rule = _RULES[name]
    if value is not None and _holds(rule, value):
        return value
    raise UsageError(f"it must be {rule.allowed}.", hint=_EXAMPLES.get(name, ""))


def configured_model_settings(
    config: Mapping[str, Any], origin: str = "the config coordinator"
) -> dict[str, JsonValue]:
    """Those keys of a configuration that are model settings. Raises ConfigError for a value that cannot be, which
    names `origin`."""
    found = {name: value for name, value in config.items() if name in MODEL_SETTINGS}
    return _checked(found, f" (from {origin})", ConfigError)


def _checked(given: Mapping[str, Any], origin: str, error: type[VictorError]) -> dict[str, JsonValue]:
    checked = {name: _plain(value) for name, value in given.items()}
    for name, value in checked.items():
        rule = _RULES[name]
        if value is not None and not _holds(rule, value):
            hint = _EXAMPLES.get(name, "")
            raise error(f"{name}{origin} is {_shown(value)}; it must be {rule.allowed}.", hint=hint)
    return checked


def _holds(rule: _Rule, value: object) -> bool:
    try:
        return rule.holds(value)
    except (TypeError, ValueError, OverflowError):  # an odd object compares with nothing
        return False


def _plain(value: Any) -> Any:
    """numpy's numbers as Python's: they come from columns and ranges, and are no JSON."""
    item = getattr(value, "item", None)
    return item() if callable(item) and getattr(value, "ndim", None) == 0 else value


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"a {type(value).__name__}"
