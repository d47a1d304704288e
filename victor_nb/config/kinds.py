"""The kinds of values that settings take, each with the sentence that says what is allowed.

`allowed` reads that sentence off an annotation, so that an error and the documentation say the same. It knows no
setting by name.
"""

from __future__ import annotations

import json
import math
import re
import types
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, Union, cast, get_args, get_origin
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

V = TypeVar("V")

AMOUNT = "a fraction above 0 up to 1.0 (of the window less the reserved output), or a whole number of tokens from 2"
PRICES = (
    "prices by the model's full name, each [input, output] in US dollars per million tokens; in the environment JSON, "
    'as {"openai:my-model": [0.5, 2]}'
)
LOCATION = "the path of a SQLite file, a postgresql:// URL, or 'memory'"
PATTERNS = 'a list of regular expressions; in the environment a JSON list, as ["EMP-\\\\d+"]'


class GuardedUrl(str):
    """A URL that does not show its password in a `repr`."""

    __slots__ = ()

    def shown(self) -> str:
        without = re.sub(r"(://[^:/?#]*):.*@", r"\1:***@", self)
        return re.sub(r"(?i)([?&][^=&]*password=)[^&#]*", r"\1***", without)

    def __repr__(self) -> str:
        return repr(self.shown())


def told(text: str) -> Any:
    """Says in an annotation what is allowed."""
    return WithJsonSchema({"description": text})


def _amount(value: object) -> int | float:
    """A fraction of the window, or a number of tokens."""
    if isinstance(value, int | float) and math.isfinite(value):
        if isinstance(value, int) and value >= 2:
            return value
        if isinstance(value, float) and 0 < value <= 1:
            return value
    raise ValueError(f"must be {AMOUNT}")


def _filled(value: object) -> object:
    if isinstance(value, str) and not value.strip():
        raise ValueError("must not be empty; leave it out instead")
    return value


def _folder(value: object) -> object:
    if isinstance(value, str | Path) and str(value).strip() in ("", "."):
        raise ValueError("must be the path of a folder; leave it out for the user's data folder")
    return expanded(value)


def expanded(value: object) -> object:
    return Path(value).expanduser() if isinstance(value, str) else value


def _location(value: object) -> object:
    if isinstance(value, str) and (value == "memory" or value.startswith(("postgresql://", "postgres://"))):
        return value
    if isinstance(value, str) and "://" in value:
        raise ValueError(f"must be {LOCATION}")
    return expanded(_filled(value))


def guarded(value: V) -> V | GuardedUrl:
    return GuardedUrl(value) if isinstance(value, str) else value


def _web_address(value: object) -> object:
    """Unchanged, when it is an http or https URL with a host."""
    if not isinstance(value, str):
        return value
    try:
        parts = urlsplit("" if re.search(r"[\x00-\x20\x7f]", value) else value)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ValueError("must be an http:// or https:// URL with a host, as http://localhost:11434/v1")
    return value


def _list(value: object) -> object:
    """A list, also as the JSON that an environment variable can hold."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise ValueError(f"must be {PATTERNS}") from None


def _priced(value: object) -> dict[str, tuple[float, float]]:
    """Full names of models, each with two prices, also as the JSON that an environment variable can hold."""
    try:
        given: object = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        raise ValueError(f"must be {PRICES}") from None
    if not isinstance(given, Mapping):
        raise ValueError(f"must be {PRICES}")
    return {_model(name): _pair(name, pair) for name, pair in cast("Mapping[Any, Any]", given).items()}


def _model(name: object) -> str:
    if isinstance(name, str) and re.fullmatch(r"[\w-]+:.+|https?://.+#.+", name):
        return name
    raise ValueError(f"names {name!r}, which is no model's full name, as openai:gpt-6.1-terra")


def _pair(name: str, pair: object) -> tuple[float, float]:
    numbers = cast("Sequence[Any]", pair if isinstance(pair, list | tuple) else ())
    known = [float(n) for n in numbers if isinstance(n, int | float) and math.isfinite(n) and n >= 0]
    if len(numbers) != 2 or len(known) != 2 or any(isinstance(n, bool) for n in numbers):
        raise ValueError(f"has {pair!r} for {name}, which must be two prices, as [0.5, 2]")
    return known[0], known[1]


def _compiling(value: list[str]) -> list[str]:
    for pattern in value:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"{pattern!r} is no regular expression ({error})") from None
    return value


Amount = Annotated[float | int, BeforeValidator(_amount), told(AMOUNT)]
Positive = Annotated[int, Field(ge=1)]
Dollars = Annotated[float, Field(gt=0, allow_inf_nan=False), told("US dollars above 0")]
Prices = Annotated[dict[str, tuple[float, float]], BeforeValidator(_priced), told(PRICES)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False), told("seconds above 0")]
Filled = Annotated[str, BeforeValidator(_filled)]
Folder = Annotated[Path, BeforeValidator(_folder), told("the path of a folder")]
WebAddress = Annotated[
    str, BeforeValidator(_web_address), AfterValidator(guarded), told("an http:// or https:// URL with a host")
]
StoreLocation = Annotated[
    Path | str | None,
    BeforeValidator(_location),
    AfterValidator(guarded),
    told(LOCATION),
]
Patterns = Annotated[list[str], BeforeValidator(_list), AfterValidator(_compiling), told(PATTERNS)]

_NUMBERS: dict[object, str] = {int: "a whole number", float: "a number"}
_NAMES: dict[object, str] = {str: "text", bool: "true or false", dict: "an object", list: "a list", Path: "a path"}


def choices(annotation: object) -> tuple[object, ...]:
    """The values of a Literal, also within a union."""
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    if get_origin(annotation) in (Union, types.UnionType, Annotated):
        return tuple(value for part in get_args(annotation) for value in choices(part))
    return ()


def allowed(annotation: object, metadata: Sequence[object] = ()) -> str:
    """What a value of this kind may be, as the end of "it must be …"."""
    if get_origin(annotation) is Annotated:
        inner, *more = get_args(annotation)
        return allowed(inner, [*more, *metadata])
    for found in metadata:
        if isinstance(found, WithJsonSchema) and found.json_schema:
            return str(found.json_schema["description"])
    if found := choices(annotation):
        others = [allowed(part) for part in get_args(annotation) if part is bool]
        return _listed([*map(repr, found), *others])
    if get_origin(annotation) in (Union, types.UnionType):
        return _listed([allowed(part, metadata) for part in get_args(annotation) if part is not type(None)])
    if number := _NUMBERS.get(annotation):
        return " ".join([number, *_bounds(metadata)])
    return _NAMES.get(get_origin(annotation) or annotation, "a value of its kind")


def _bounds(metadata: Sequence[object]) -> Iterator[str]:
    constraints = [inner for found in metadata for inner in cast("list[object]", getattr(found, "metadata", [found]))]
    for name, word in (("ge", "from"), ("gt", "above"), ("le", "up to"), ("lt", "below")):
        for constraint in constraints:
            if (bound := getattr(constraint, name, None)) is not None:
                yield f"{word} {bound}"


def _listed(parts: Sequence[str]) -> str:
    *most, last = dict.fromkeys(parts)
    return f"{', '.join(most)} or {last}" if most else last
