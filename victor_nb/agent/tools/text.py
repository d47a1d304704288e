"""What a model is given of a tool's result: text as it is, tables by schema and sample, pictures as images, JSON where
it can be, else the repr. Never raises: any object may come out of a user's function.
"""

from __future__ import annotations

import collections
import dataclasses
import json
import math
import os
import re
import sys
from collections.abc import Iterable, Iterator, KeysView, Mapping, Sequence, Set, ValuesView
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, cast

from pydantic import BaseModel, TypeAdapter

from victor_nb.agent.tools.images import MAX_IMAGES, picture_of
from victor_nb.agent.tools.tables import MAX_SAMPLE_CHARS, table_text
from victor_nb.messages import Image, JsonValue

MAX_VALUES: Final = 5_000
_MAX_DEPTH: Final = 40
_MAX_REPR_CHARS: Final = 2_000
_ADDRESS: Final = re.compile(r" at 0x[0-9a-fA-F]{6,}(?=>)")  # says nothing, and changes with every run

_anything: TypeAdapter[Any] = TypeAdapter(Any)


@dataclass(frozen=True, slots=True)
class Described:
    """A result in words and images; `truncated` where something was left out."""

    text: str
    images: tuple[Image, ...] = ()
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class Room:
    """How much of a value is told: `values` of containers, characters of a text within one and of a table's rows, and
    how many pictures there are already."""

    values: int = MAX_VALUES
    nested_chars: int = 20_000
    sample_chars: int = MAX_SAMPLE_CHARS
    images_before: int = 0


class _Words(str):
    """Text about a value, as against a value that is text: at the top it is not quoted as JSON."""

    __slots__ = ()


def described(value: object, room: Room = Room()) -> Described:
    if isinstance(value, str):
        return Described(encodable(str.__str__(value)))
    plain = _Plain(room)
    found = plain.of(value)
    text = str(found) if isinstance(found, _Words) else _json(found)
    return Described(encodable(text), tuple(plain.images), plain.truncated)


def result_text(value: object) -> str:
    """The text alone."""
    return described(value).text


def error_text(error: BaseException, limit: int = 1000) -> str:
    """`ValueError: message`, on one line."""
    try:
        message = " ".join(str(error).split())
    except Exception:  # noqa: BLE001 (a user's exception may raise anything while it is read)
        message = ""
    return encodable(f"{type(error).__name__}: {message}"[:limit] if message else type(error).__name__)


def capped(text: str, limit: int) -> tuple[str, bool]:
    """`text` up to `limit` characters, and whether it was cut; a cut text says so."""
    if len(text) <= limit:
        return text, False
    return f"{text[:limit]}\n… (cut: the first {limit:,} of {len(text):,} characters)", True


def _json(value: JsonValue) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValueError:  # an integer of more digits than Python writes
        return safe_repr(value)


def encodable(text: str) -> str:
    """Half a surrogate pair cannot be sent."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


class _Plain:
    """Makes one result into what JSON can hold, and gathers the images in it."""

    def __init__(self, room: Room) -> None:
        self.images: list[Image] = []
        self.truncated = False
        self._room = room
        self._left = room.values
        self._within: list[int] = []

    def of(self, value: object) -> JsonValue:
        self._left -= 1
        try:
            return self._leaf(value)
        except Exception:  # noqa: BLE001 (as above)
            return _Words(safe_repr(value))

    def _leaf(self, value: object) -> JsonValue:
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, Enum):
            return self.of(value.value)
        if isinstance(value, str):
            return self._cut(str.__str__(value))
        if isinstance(value, int):
            return int(value)
        if isinstance(value, float):
            return float(value) if math.isfinite(value) else _Words(_non_finite(value))
        return self._found(value)

    def _found(self, value: object) -> JsonValue:
        if isinstance(value, type(os.environ)):
            return _Words(_environment(cast("Any", value)))
        if (table := table_text(value, self._room.sample_chars)) is not None:
            self.truncated = self.truncated or table.truncated
            return _Words(table.text)
        if (picture := picture_of(value)) is not None:
            return _Words(self._picture(picture.words, picture.image))
        if _is_numpy_scalar(value):
            return self.of(cast("Any", value).item())
        if (children := _children(value)) is not None:
            return self._container(value, cast("Any", children))
        return _other(value)

    def _picture(self, words: str, image: Image | None) -> str:
        if image is None:
            return words
        number = self._room.images_before + len(self.images) + 1
        if number > MAX_IMAGES:
            self.truncated = True
            return f"[{words}; left out, since a message holds at most {MAX_IMAGES} images]"
        self.images.append(image)
        return f"[image {number}: {words}]"

    def _container(self, value: object, children: Mapping[Any, Any] | Iterable[Any]) -> JsonValue:
        if id(value) in self._within or len(self._within) == _MAX_DEPTH:
            return "… (circular)" if id(value) in self._within else "… (too deep)"
        self._within.append(id(value))
        try:
            if isinstance(children, Mapping):
                return self._object(cast("Mapping[Any, Any]", children))
            return self._array(value, children)
        finally:
            self._within.pop()

    def _object(self, children: Mapping[Any, Any]) -> dict[str, JsonValue]:
        found: dict[str, JsonValue] = {}
        for key, child in children.items():
            if self._left <= 0:
                found["…"] = self._more(len(children) - len(found))
                break
            found[key if isinstance(key, str) else safe_repr(key)] = self.of(child)
        return found

    def _array(self, value: object, children: Iterable[Any]) -> list[JsonValue]:
        found: list[JsonValue] = []
        for child in children:
            if self._left <= 0:
                found.append(f"… {self._more(len(cast('Sequence[Any]', value)) - len(found))}")
                break
            found.append(self.of(child))
        return sorted(found, key=_json) if isinstance(value, Set) else found  # a set's order changes with the process

    def _more(self, count: int) -> str:
        self.truncated = True
        return f"{count:,} more"

    def _cut(self, text: str) -> str:
        if len(text) <= self._room.nested_chars:
            return text
        self.truncated = True
        return f"{text[: self._room.nested_chars]}… ({len(text):,} characters)"


def _children(value: object) -> Mapping[Any, Any] | Iterable[Any] | None:
    """What a container holds; None for what is none, and for iterators, which reading would consume."""
    if isinstance(value, Mapping):
        return cast("Mapping[Any, Any]", value)
    if isinstance(value, BaseModel):
        dumped: Any = value.model_dump()
        return cast("Any", dumped) if isinstance(dumped, Mapping | list) else [dumped]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, tuple) and hasattr(cast("object", value), "_asdict"):
        return cast("Mapping[str, Any]", cast("Any", value)._asdict())
    if isinstance(value, bytes | bytearray | memoryview | Iterator):
        return None
    if isinstance(value, Sequence | Set | KeysView | ValuesView | collections.deque):
        return cast("Iterable[Any]", value)
    return None


def _other(value: object) -> JsonValue:
    """What pydantic knows how to write (dates, paths, numbers of other kinds, …), else the repr."""
    if isinstance(value, bytes | bytearray | memoryview):
        return _Words(_bytes(bytes(cast("Any", value))))
    if _is_of("pandas", value):
        return _Words(str(value))
    if isinstance(value, Iterator):
        return _Words(safe_repr(cast("object", value)))
    try:
        return cast("JsonValue", _anything.dump_python(value, mode="json"))
    except Exception:  # noqa: BLE001 (as above)
        return _Words(safe_repr(value))


def _bytes(value: bytes) -> str:
    return repr(value) if len(value) <= 100 else f"{value[:50]!r}… ({len(value):,} bytes)"


def _environment(environ: Mapping[str, str]) -> str:
    """Names only: that is where keys and passwords are."""
    return f"The environment's {len(environ):,} variables, without their values: {', '.join(sorted(environ))}"


def _non_finite(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _is_numpy_scalar(value: object) -> bool:
    numpy = sys.modules.get("numpy")  # what was never imported cannot have made the value
    return numpy is not None and isinstance(value, numpy.generic) and not isinstance(value, numpy.void)


def _is_of(package: str, value: object) -> bool:
    return type(value).__module__.partition(".")[0] == package


def safe_repr(value: object) -> str:
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 (as above)
        return f"<a {type(value).__name__} whose repr failed>"
    text = _ADDRESS.sub("", text)
    return text if len(text) <= _MAX_REPR_CHARS else f"{text[:_MAX_REPR_CHARS]}… ({len(text):,} characters)"
