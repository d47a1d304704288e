"""The form of operations, so that what was written by something else is refused before any of it is used.

Keys that are not named here are left to who reads them. It knows JSON and nothing of conversations.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias, cast, get_args

from victor_nb.context.compaction import Outcome, Trigger, UndoReason, WindowSource

_Check: TypeAlias = Callable[[Any], bool]
_LARGEST: Final = 1 << 53
"""Of whole numbers: what every reader of JSON has exactly, and as µs a time that has a date."""


def misfit(operation: Mapping[str, Any]) -> str | None:
    """What is wrong with an operation, for people to read; None when it is of a known kind and all types are right."""
    kind = operation.get("kind")
    if not isinstance(kind, str) or kind not in _KINDS:
        return f"an operation of the kind {kind!r}"
    needed, others = _KINDS[kind]
    for name, right in (needed | others).items():
        if name in needed and name not in operation:
            return f"a {kind} without {name}"
        if name in operation and not right(operation[name]):
            return f"the {name} of a {kind}"
    return None


def _anything(value: Any) -> bool:
    return True


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _LARGEST


def _object(value: Any) -> bool:
    return isinstance(value, dict)


def _one_of(literal: Any) -> _Check:
    values = get_args(literal) or literal
    return lambda value: isinstance(value, str) and value in values


def _or_null(check: _Check) -> _Check:
    return lambda value: value is None or check(value)


def _limits(value: Any) -> bool:
    """Four numbers of tokens, and who states the window."""
    if not isinstance(value, list):
        return False
    found = cast("list[Any]", value)
    return len(found) == 5 and all(map(_whole, found[:4])) and found[4] in get_args(WindowSource)


def _list(check: _Check) -> _Check:
    return lambda value: isinstance(value, list) and all(map(check, cast("list[Any]", value)))


def _any_of(*checks: _Check) -> _Check:
    return lambda value: any(check(value) for check in checks)


def _fields(needed: Mapping[str, _Check], others: Mapping[str, _Check] | None = None) -> _Check:
    optional: Sequence[tuple[str, _Check]] = tuple((others or {}).items())
    required: Sequence[tuple[str, _Check]] = tuple(needed.items())

    def check(value: Any) -> bool:
        if not isinstance(value, Mapping):
            return False
        found = cast("Mapping[str, Any]", value)
        if not all(name in found and right(found[name]) for name, right in required):
            return False
        return all(name not in found or right(found[name]) for name, right in optional)

    return check


_NAME: Final = _or_null(_text)
_CALL: Final = _fields({"id": _text, "name": _text, "arguments": _text})
_MESSAGE: Final = _fields(
    {"id": _text, "role": _one_of(("user", "assistant", "tool")), "content": _text},
    {
        "tool_calls": _list(_CALL),
        "tool_call_id": _NAME,
        "tool_name": _NAME,
        "pinned": _flag,
        "turn_id": _NAME,
        "metadata": _object,
        "images": _list(_fields({"data": _text, "media_type": _text}, {"description": _text})),
        "wire": _anything,
    },
)
_LOGGED: Final = _fields({"message": _MESSAGE})
_SHORTENED: Final = _fields({"id": _text, "content": _text}, {"images": _flag})
_COMPACTION: Final = _fields(
    {
        "id": _text,
        "session_id": _text,
        "trigger": _one_of(Trigger),
        "strategy": _text,
        "outcome": _one_of(Outcome),
        "tokens_before": _whole,
        "tokens_after": _whole,
        "messages_removed": _whole,
        "repaired": _flag,
    },
    {
        "error_type": _NAME,
        "undone": _or_null(_one_of(UndoReason)),
        "note": _text,
        "timestamp_us": _whole,
        "view": _or_null(_list(_any_of(_text, _LOGGED, _SHORTENED))),
    },
)
_FOLDED: Final = _fields({"compaction": _COMPACTION})
_LEARNED: Final = _fields(
    {},
    {
        "model_key": _NAME,
        "ratio": _number,
        "offset": _number,
        "retry_at": _whole,
        "overflow": _or_null(_whole),
        "limits": _or_null(_limits),
    },
)
_TURN: Final[dict[str, _Check]] = {"turn_id": _NAME, "items": _list(_any_of(_LOGGED, _FOLDED))}
_CELL: Final[dict[str, _Check]] = {
    "key": _NAME,
    "execution": _NAME,
    "replaces": _list(_text),
    "counter": _list(_or_null(_LEARNED)),
}
_KINDS: Final[dict[str, tuple[dict[str, _Check], dict[str, _Check]]]] = {
    "turn": (_TURN, _CELL),
    "compaction": ({"compaction": _COMPACTION}, {}),
    "undo": ({"compaction_id": _text}, {}),
    "pin": ({"message_id": _text, "pinned": _flag}, {}),
    "reset": ({}, {}),
}
