"""What a model wrote as the arguments of a call: checked, or told back so that the next attempt can be right."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, cast

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, from_json

from victor_nb.errors import did_you_mean
from victor_nb.messages import JsonValue, ToolSpec

_SHOWN: Final = 5
_ECHO_CHARS: Final = 80
_QUOTED: Final = re.compile(r"'([^']*)'")
_SHAPE_KEYS: Final = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength")
_SHAPE_KEYS_TOO: Final = ("maxLength", "pattern", "format", "minItems", "maxItems")


class InvalidArguments(Exception):
    """The arguments do not fit the tool; the text is for the model."""


class IArguments(Protocol):
    """How the arguments of one tool are checked. Both give what the function is called with, by parameter."""

    def parse(self, text: str) -> dict[str, Any]: ...
    def check(self, given: Mapping[str, Any]) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class ModelledArguments:
    """Arguments of a Python function: `model` has a field `fields[parameter]` for each parameter. Those in `always` are
    passed also when the model left them out, since the function itself has no default for them."""

    spec: ToolSpec
    model: type[BaseModel]
    fields: Mapping[str, str]
    always: frozenset[str] = frozenset()

    def parse(self, text: str) -> dict[str, Any]:
        """Raises InvalidArguments."""
        found = json_object(text)
        return self._validated(lambda given: self.model.model_validate_json(json.dumps(given)), found)

    def check(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """As `parse`, of Python objects."""
        return self._validated(self.model.model_validate, dict(given))

    def _validated(self, validate: Callable[[dict[str, Any]], BaseModel], given: dict[str, Any]) -> dict[str, Any]:
        try:
            found = validate(given)
        except ValidationError as error:
            unwrapped = _unwrapped(given, error)
            if unwrapped is not None:
                return self._validated(validate, unwrapped)
            raise InvalidArguments(told(self.spec, error.errors(include_url=False))) from error
        except Exception as error:
            raise InvalidArguments(f"The arguments of {self.spec.name} are not valid: {error}") from error
        passed = found.model_fields_set | self.always
        return {name: getattr(found, key) for name, key in self.fields.items() if key in passed}


@dataclass(frozen=True, slots=True)
class SchemaArguments:
    """Arguments of a tool that lives elsewhere and checks them itself: here only their names are looked at."""

    spec: ToolSpec

    def parse(self, text: str) -> dict[str, Any]:
        return self.check(json_object(text))

    def check(self, given: Mapping[str, Any]) -> dict[str, Any]:
        schema = self.spec.parameters
        required = cast("Sequence[str]", schema.get("required") or ())
        missing = [name for name in required if name not in given]
        errors = [ErrorDetails(type="missing", loc=(name,), msg="", input=None) for name in missing]
        if schema.get("additionalProperties") is False:
            unknown = given.keys() - properties(self.spec).keys()
            errors += [
                ErrorDetails(type="extra_forbidden", loc=(name,), msg="", input=None) for name in sorted(unknown)
            ]
        if errors:
            raise InvalidArguments(told(self.spec, errors))
        return dict(given)


def json_object(text: str) -> dict[str, Any]:
    """The JSON object that `text` is; an empty text is one too, and so is an object within a JSON string.

    Raises InvalidArguments.
    """
    try:
        found = from_json(text.strip() or "{}")
        if isinstance(found, str):
            found = from_json(found.strip() or "{}")
    except ValueError as error:
        raise InvalidArguments(
            f"The arguments are not valid: Invalid JSON ({error}). Write one JSON object."
        ) from error
    if not isinstance(found, dict):
        raise InvalidArguments(f"The arguments are not valid: a JSON object was expected, not {_echo(found)}.")
    return cast("dict[str, Any]", found)


def _unwrapped(given: dict[str, Any], error: ValidationError) -> dict[str, Any] | None:
    """`given` with those wrong values decoded that are JSON within a string, as weaker models write lists and objects;
    None where there is no such value."""
    decoded = dict(given)
    for entry in error.errors(include_url=False, include_context=False):
        name, value = entry["loc"][:1], entry["input"]
        if not (isinstance(value, str) and name and given.get(str(name[0])) == value):
            continue
        try:
            found = from_json(value)
        except ValueError:
            continue
        if isinstance(found, dict | list):
            decoded[str(name[0])] = found
    return decoded if decoded != given else None


def told(spec: ToolSpec, errors: Sequence[ErrorDetails]) -> str:
    """What is wrong with each parameter, what it may be, and the nearest name; one a line."""
    lines: list[str] = []
    for entry in errors:
        line = f"- {_line(spec, entry)}"
        if line not in lines:
            lines.append(line)
    more = [f"- … and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
    return "\n".join(
        [f"The arguments of {spec.name} are not valid:", *lines[:_SHOWN], *more, "Call it again with these mended."]
    )


def _line(spec: ToolSpec, entry: ErrorDetails) -> str:
    path = [str(part) for part in entry["loc"]]
    where, known = ".".join(path), properties(spec)
    if entry["type"] == "extra_forbidden" and len(path) == 1:
        names = ", ".join(known) or "none"
        return f"{where}: there is no such parameter.{did_you_mean(where, known)} Parameters: {names}."
    if entry["type"] == "missing" and len(path) == 1:
        expected = _allowed(known.get(where))
        return f"{where}: missing; it must be given{f': {expected}' if expected else ''}."
    if entry["type"] == "missing":
        return f"{where}: missing."
    expected = str(entry.get("ctx", {}).get("expected", ""))
    allowed = _allowed(known.get(path[0])) if len(path) == 1 and not expected else ""
    reason = entry["msg"].removeprefix("Value error, ").removesuffix(".")
    nearest = did_you_mean(str(entry["input"]), _QUOTED.findall(expected))
    told = f"{reason}, not {_echo(entry['input'])}.{nearest}{f' Expected: {allowed}.' if allowed else ''}"
    return f"{where}: {told}" if where else told


def _echo(value: object) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        return f"a {type(value).__name__}"
    return text if len(text) <= _ECHO_CHARS else f"{text[:_ECHO_CHARS]}…"


def properties(spec: ToolSpec) -> dict[str, dict[str, JsonValue]]:
    found = spec.parameters.get("properties")
    return cast("dict[str, dict[str, JsonValue]]", found) if isinstance(found, dict) else {}


def _allowed(schema: dict[str, JsonValue] | None) -> str:
    """The type and the bounds of a parameter, in a few words."""
    if not schema:
        return ""
    words = [str(schema["type"])] if isinstance(schema.get("type"), str) else []
    if isinstance(schema.get("enum"), list):
        words.append(f"one of {_echo(schema['enum'])}")
    words += [f"{key} {_echo(schema[key])}" for key in (*_SHAPE_KEYS, *_SHAPE_KEYS_TOO) if key in schema]
    if isinstance(schema.get("description"), str):
        words.append(str(schema["description"])[:_ECHO_CHARS].rstrip("."))
    return ", ".join(words)
