"""Checks a configuration against what it can have an effect on: settings by their own rules, model settings by theirs.

Any other key is free, unless it is so near to a known one that it can only be a slip. Settings are imported late,
because that costs pydantic-settings.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from victor_nb.agent.model_settings import configured_model_settings
from victor_nb.config.merge import copied
from victor_nb.errors import ConfigError
from victor_nb.messages import MODEL_SETTINGS
from victor_nb.protocols import Config

CALLER: Final = "the caller"
_NEAR: Final = 0.9


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
        elif key not in MODEL_SETTINGS:
            _refuse_slip(key, [*settings, *MODEL_SETTINGS], whose)
        if key in MODEL_SETTINGS:
            checked.update(configured_model_settings({key: checked[key]}, whose))
    return checked


def _refuse_slip(key: object, known: Sequence[str], origin: str) -> None:
    """A free key is anybody's right, as `mode` beside `model`: it is refused only when hardly a letter parts it from a
    known one, or their order."""
    if not isinstance(key, str):
        return
    word = key.lower()
    near = difflib.get_close_matches(word, known, n=1, cutoff=_NEAR) or [
        name for name in known if sorted(name) == sorted(word)
    ]
    if near:
        raise ConfigError(
            f"Unknown configuration key {key!r} (from {origin}). Did you mean {near[0]!r}?",
            hint="A key of your own needs a name that is less like it, or a place inside of a dict.",
        )


def _origin_of(key: object, origin: Mapping[str, str]) -> str:
    text = str(key)
    names = [name for path, name in origin.items() if path == text or path.startswith(f"{text}.")]
    return ", ".join(dict.fromkeys(names)) or CALLER
