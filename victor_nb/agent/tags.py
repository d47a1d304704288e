"""Tags: names and values that say what a turn was for, such as which variant of an experiment. `with tags(...)` puts
them on every turn that is asked inside, `await`ed or by a magic; they are told apart in the frames.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from contextvars import ContextVar, Token
from types import MappingProxyType
from typing import Final

from victor_nb.errors import UsageError
from victor_nb.messages import JsonValue

LONGEST_NAME: Final = 100
_NONE: Final[Mapping[str, JsonValue]] = MappingProxyType({})
_current: ContextVar[Mapping[str, JsonValue]] = ContextVar("victor_nb_tags", default=_NONE)


def tags(**values: JsonValue) -> AbstractContextManager[None]:
    """Tag every turn that is asked inside the block, as in `with tags(variant="A", temperature=0.2):`.

    Blocks inside each other add up, the innermost wins. A value is text, a number, a bool or None.

    Raises:
        UsageError: a value is none of these.
    """
    return _Tagged(checked_tags(values))


class _Tagged(AbstractContextManager[None]):
    """A block, or several, one after another or inside each other."""

    def __init__(self, values: Mapping[str, JsonValue]) -> None:
        self._values = values
        self._before: list[Token[Mapping[str, JsonValue]]] = []

    def __repr__(self) -> str:
        """What a cell shows of `vn.tags(…)` without `with`, which tags nothing."""
        given = ", ".join(f"{name}={value!r}" for name, value in self._values.items())
        return f'<tags({given}): no turn is tagged yet; use it as in "with vn.tags({given}):">'

    def __enter__(self) -> None:
        self._before.append(_current.set({**_current.get(), **self._values}))

    def __exit__(self, *raised: object) -> None:
        _current.reset(self._before.pop())


def current_tags() -> Mapping[str, JsonValue]:
    """Those of the blocks that are open here."""
    return _current.get()


def checked_tags(given: Mapping[str, object]) -> dict[str, JsonValue]:
    """
    Raises:
        UsageError: `given` is no mapping, a name is no text of 1 to 100 characters, or a value is no scalar of JSON.
    """
    if not isinstance(given, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise UsageError(f"tags are a dict, not {type(given).__name__}.", hint='as in tags={"variant": "A"}')
    return {_name(name): _scalar(name, value) for name, value in given.items()}


def _name(name: object) -> str:
    if not isinstance(name, str) or not 0 < len(name) <= LONGEST_NAME or name != name.strip():
        raise UsageError(f"{name!r} cannot be the name of a tag.", hint=f"use text of 1 to {LONGEST_NAME} characters")
    return name


def _scalar(name: str, value: object) -> JsonValue:
    to_python = getattr(value, "item", None)  # numpy's numbers have it
    plain = to_python() if callable(to_python) and getattr(value, "ndim", None) == 0 else value
    if plain is None or isinstance(plain, str | bool | int) or (isinstance(plain, float) and math.isfinite(plain)):
        return plain
    raise UsageError(
        f"the tag {name} is {_described(plain)}; a tag is text, a number, a bool or None.",
        hint="use str(…) for anything else",
    )


def _described(value: object) -> str:
    return repr(value) if isinstance(value, float) else f"a {type(value).__name__}"


def parse_tags(words: Iterable[str]) -> dict[str, JsonValue]:
    """Tags as they are written in a magic: `variant=A`, or a name alone, which is true. Numbers, `true`, `false` and
    `null` are what JSON says they are if JSON writes them the same way, so `1.10` and `007` stay text.

    Raises:
        UsageError: a word has no name.
    """
    pairs = [word.partition("=") for word in words]
    return checked_tags({name: _value(text) if equals else True for name, equals, text in pairs})


def _value(text: str) -> JsonValue:
    try:
        value = json.loads(text)
    except ValueError:
        return text
    finite = not isinstance(value, float) or math.isfinite(value)
    return value if finite and not isinstance(value, str | list | dict) and json.dumps(value) == text else text
