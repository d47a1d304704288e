"""What a model is told of a function's parameters: a name that it can call, and a JSON schema from the signature.

pydantic makes the schema of the annotations and checks the arguments against it later.
"""

from __future__ import annotations

import functools
import inspect
import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, cast

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, create_model
from pydantic.errors import PydanticUserError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from victor_nb.agent.tools.annotations import has_default, usable
from victor_nb.errors import ToolDefinitionError
from victor_nb.messages import JsonValue

MAX_SCHEMA_CHARS: Final = 50_000
_MAX_DEFAULT_CHARS: Final = 500
_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_NAMED_SCHEMAS: Final = ("properties", "$defs", "patternProperties")
_VALUES: Final = ("default", "enum", "const", "examples")
_anything: TypeAdapter[Any] = TypeAdapter(Any)


def plain_function(function: Callable[..., object]) -> Callable[..., object]:
    """The function within partials; of an object that can be called, its `__call__`."""
    while isinstance(function, functools.partial):
        function = cast("functools.partial[object]", function).func
    if inspect.isroutine(function) or inspect.isclass(function):
        return function
    return getattr(function, "__call__", function)  # noqa: B004 (the method itself is wanted)


def tool_name(function: Callable[..., object], given: str | None) -> str:
    """Raises ToolDefinitionError when a model could not call it by that name."""
    while isinstance(function, functools.partial):
        function = cast("functools.partial[object]", function).func
    name = given or getattr(function, "__name__", type(function).__name__)
    if not _NAME.fullmatch(name):
        raise ToolDefinitionError(
            f"{name!r} cannot be the name of a tool.",
            hint="Use up to 64 ASCII letters, digits, _ and -: @tool(name='…').",
        )
    return name


def check_function(function: Callable[..., object], name: str) -> None:
    """Raises ToolDefinitionError for a function that yields, and for a method that has no object."""
    plain = inspect.unwrap(plain_function(function))
    if inspect.isgeneratorfunction(plain) or inspect.isasyncgenfunction(plain):
        raise ToolDefinitionError(
            f"Tool {name!r} is a generator function: it yields, and a model is given one result.",
            hint="Return a list of what it yields.",
        )


def arguments_model(
    function: Callable[..., object], name: str, descriptions: Mapping[str, str]
) -> tuple[type[BaseModel], dict[str, str], frozenset[str]]:
    """A model whose aliases are the parameters' names, its field names by parameter, and the fields whose value the
    function must be given in any case.

    Fields are numbered, because a parameter may be called `json` or `_x`, which no pydantic field can be.
    Raises ToolDefinitionError for a signature that a model could not call by names.
    """
    fields: dict[str, Any] = {}
    names: dict[str, str] = {}
    always: set[str] = set()
    for parameter in _parameters(function, name):
        _check_kind(parameter, name)
        key = names[parameter.name] = f"p{len(names)}"
        fields[key] = _field(parameter, descriptions.get(parameter.name))
        if parameter.default is inspect.Parameter.empty or isinstance(parameter.default, FieldInfo):
            always.add(key)
    try:
        return create_model(name, __config__=ConfigDict(extra="forbid"), **fields), names, frozenset(always)
    except (PydanticUserError, TypeError) as error:
        raise _no_schema(name, str(error)) from error


def _no_schema(name: str, reason: str) -> ToolDefinitionError:
    return ToolDefinitionError(
        f"Tool {name!r}: its parameters have no JSON schema: {(reason.splitlines() or [''])[0]}",
        hint="Annotate them with types that JSON can hold (str, int, list[str], a pydantic model), or not at all.",
    )


def parameters_schema(model: type[BaseModel], name: str) -> dict[str, JsonValue]:
    """The JSON schema of the arguments, without the titles that repeat the names; `$defs` stay."""
    try:
        schema = model.model_json_schema(by_alias=True)
        size = len(json.dumps(schema, allow_nan=False))
    except (PydanticUserError, ValueError, TypeError) as error:
        raise _no_schema(name, str(error)) from error
    if size > MAX_SCHEMA_CHARS:
        raise ToolDefinitionError(
            f"Tool {name!r}: the schema of its parameters has {size:,} characters, more than {MAX_SCHEMA_CHARS:,}.",
            hint="Every request would carry it: use plainer types.",
        )
    schema.setdefault("properties", {})
    return cast("dict[str, JsonValue]", _untitled(schema))


def _untitled(schema: object) -> object:
    """Without the titles, which repeat the names that the schema has anyway. A property may be called `title`."""
    if isinstance(schema, list):
        return [_untitled(entry) for entry in cast("list[object]", schema)]
    if not isinstance(schema, dict):
        return schema
    found: dict[str, object] = {}
    for key, entry in cast("dict[str, object]", schema).items():
        if key in _NAMED_SCHEMAS and isinstance(entry, dict):
            found[key] = {name: _untitled(inner) for name, inner in cast("dict[str, object]", entry).items()}
        elif key != "title":
            found[key] = entry if key in _VALUES else _untitled(entry)
    return found


def _parameters(function: Callable[..., object], name: str) -> list[inspect.Parameter]:
    """Those that a model is to fill: a partial's own arguments are settled."""
    try:
        signature = inspect.signature(function, eval_str=True)
    except (NameError, TypeError, ValueError, AttributeError, SyntaxError) as error:
        raise ToolDefinitionError(
            f"Tool {name!r}: its signature cannot be read: {error}.",
            hint="Give a plain function whose annotations can be evaluated where it is defined.",
        ) from error
    settled: set[str] = set()
    while isinstance(function, functools.partial):
        settled |= set(function.keywords)
        function = cast("functools.partial[object]", function).func
    return [parameter for parameter in signature.parameters.values() if parameter.name not in settled]


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
    if parameter.name == "self" and parameter.annotation is inspect.Parameter.empty:
        raise ToolDefinitionError(
            f"Tool {name!r} is a method of a class, and has no object.", hint=f"Give the object's: thing.{name}"
        )


def _field(parameter: inspect.Parameter, description: str | None) -> tuple[Any, Any]:
    """The type and the field of a parameter. What a `Field(…)` says wins over the docstring."""
    kind, told = usable(Any if parameter.annotation is inspect.Parameter.empty else parameter.annotation)
    default = parameter.default
    field: Any = cast("Any", Field)
    named: dict[str, Any] = {"alias": parameter.name, "validation_alias": parameter.name}
    if isinstance(default, FieldInfo):
        kind, told = cast("Any", Annotated)[kind, default], default.description or told
    if told or description:
        named["description"] = told or description
    if default is inspect.Parameter.empty or isinstance(default, FieldInfo):
        return kind, field(**named)
    if has_default(kind):
        return kind, field(**named, default=default)
    shown = _default_as_json(default)
    extra = {} if shown is PydanticUndefined else {"json_schema_extra": {"default": shown}}
    return kind, field(**named, **extra, default_factory=lambda: None)


def _default_as_json(default: object) -> Any:
    """PydanticUndefined where JSON cannot say it shortly."""
    if isinstance(default, float) and not math.isfinite(default):
        return PydanticUndefined
    try:
        found = _anything.dump_python(default, mode="json")
        return found if len(json.dumps(found, allow_nan=False)) <= _MAX_DEFAULT_CHARS else PydanticUndefined
    except Exception:  # noqa: BLE001 (a default may be any object, which may raise anything while it is read)
        return PydanticUndefined
