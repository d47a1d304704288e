"""What a model is told of a function: its name, description, and the JSON schema of its parameters.

The schema comes from the signature through pydantic, the descriptions from the docstring (Google or NumPy style).
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic.errors import PydanticUserError

from victor_nb.errors import ToolDefinitionError
from victor_nb.messages import JsonValue

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_SECTION = re.compile(r"^(Args|Arguments|Parameters):?[ \t]*\n(?:-{3,}[ \t]*\n)?", re.MULTILINE)
_PARAMETER = re.compile(r"(\w+)[ \t]*(?:\([^)]*\)[ \t]*:|:)[ \t]*(.*)")
_PLAIN = (str, int, float, bool, type(None))


def tool_name(function: Callable[..., object], given: str | None) -> str:
    """Raises ToolDefinitionError when a model could not call it by that name."""
    name = given or getattr(function, "__name__", type(function).__name__)
    if not _NAME.fullmatch(name):
        raise ToolDefinitionError(
            f"{name!r} cannot be the name of a tool.",
            hint="Use up to 64 ASCII letters, digits, _ and -: @tool(name='…').",
        )
    return name


def summary(function: Callable[..., object]) -> str:
    """The first paragraph of the docstring, on one line."""
    first = (inspect.getdoc(function) or "").strip().split("\n\n")[0]
    return "" if _SECTION.match(f"{first}\n") else " ".join(first.split())


def arguments_model(function: Callable[..., object], name: str) -> tuple[type[BaseModel], dict[str, str]]:
    """A model whose aliases are the parameters' names, and its field names by parameter.

    Fields are numbered, because a parameter may be called `json` or `_x`, which no pydantic field can be.
    Raises ToolDefinitionError for a signature that a model could not call by names.
    """
    descriptions = parameter_descriptions(function)
    fields: dict[str, Any] = {}
    names: dict[str, str] = {}
    for number, parameter in enumerate(_signature(function, name).parameters.values()):
        _check_kind(parameter, name)
        names[parameter.name] = f"p{number}"
        fields[f"p{number}"] = _field(parameter, descriptions.get(parameter.name))
    try:
        return create_model(name, __config__=ConfigDict(extra="forbid"), **fields), names
    except (PydanticUserError, TypeError) as error:
        raise ToolDefinitionError(
            f"Tool {name!r}: its parameters have no JSON schema: {str(error).splitlines()[0]}",
            hint="Annotate them with types that JSON can hold (str, int, list[str], a pydantic model), or not at all.",
        ) from error


def parameters_schema(model: type[BaseModel], name: str) -> dict[str, JsonValue]:
    """The JSON schema of the arguments, without the titles that repeat the names; `$defs` stay."""
    try:
        schema = model.model_json_schema(by_alias=True)
    except PydanticUserError as error:
        raise ToolDefinitionError(f"Tool {name!r}: {error.message}", hint="Use types that JSON can hold.") from error
    schema.pop("title", None)
    schema.setdefault("properties", {})
    for entry in schema["properties"].values():
        entry.pop("title", None)
    return schema


def parameter_descriptions(function: Callable[..., object]) -> dict[str, str]:
    """What the docstring says of each parameter, on one line each."""
    text = inspect.getdoc(function) or ""
    section = _SECTION.search(text)
    if not section:
        return {}
    numpy = "---" in section[0]
    found: dict[str, list[str]] = {}
    lines = text[section.end() :].splitlines()
    base = len(lines[0]) - len(lines[0].lstrip()) if lines else 0
    for number, line in enumerate(lines):
        depth = len(line) - len(line.lstrip())
        if line and (
            depth < base or line.startswith("---") or "".join(lines[number + 1 : number + 2]).startswith("---")
        ):
            break
        match = _PARAMETER.match(line.strip()) if depth == base else None
        if match:
            found[match[1]] = [] if numpy else [match[2]]
        elif found and line.strip():
            list(found.values())[-1].append(line.strip())
    return {name: " ".join(parts) for name, parts in found.items()}


def _signature(function: Callable[..., object], name: str) -> inspect.Signature:
    try:
        return inspect.signature(function, eval_str=True)
    except (NameError, TypeError, ValueError, AttributeError, SyntaxError) as error:
        raise ToolDefinitionError(
            f"Tool {name!r}: its signature cannot be read: {error}.",
            hint="Give a plain function whose annotations can be evaluated where it is defined.",
        ) from error


def _check_kind(parameter: inspect.Parameter, name: str) -> None:
    kinds = {
        inspect.Parameter.POSITIONAL_ONLY: "is positional-only",
        inspect.Parameter.VAR_POSITIONAL: "takes any number of values",
        inspect.Parameter.VAR_KEYWORD: "takes any names",
    }
    if parameter.kind in kinds:
        raise ToolDefinitionError(
            f"Tool {name!r}: parameter {parameter.name!r} {kinds[parameter.kind]}; models pass arguments by name.",
            hint="Write every parameter out, before or after a `*`.",
        )


def _field(parameter: inspect.Parameter, description: str | None) -> tuple[Any, Any]:
    kind = Any if parameter.annotation is inspect.Parameter.empty else parameter.annotation
    if parameter.default is inspect.Parameter.empty:
        return kind, Field(alias=parameter.name, description=description)
    plain = isinstance(parameter.default, _PLAIN)
    extra: dict[str, JsonValue] | None = {"default": parameter.default} if plain else None
    return kind, Field(
        alias=parameter.name, description=description, default_factory=lambda: None, json_schema_extra=extra
    )
