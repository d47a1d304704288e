"""What a model is told of functions of every kind, and which are refused."""

from __future__ import annotations

import dataclasses
import enum
import functools
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, TypedDict

import pytest
from pydantic import Field
from support.tool_dispatch import dispatch

from victor_nb.agent.tools import Tool, tool
from victor_nb.errors import ToolDefinitionError


def properties(function: Any) -> dict[str, Any]:
    found: Any = Tool.of(function).spec.parameters["properties"]
    return found


class Color(enum.Enum):
    RED = "r"
    BLUE = "b"


class Options(TypedDict, total=False):
    title: str
    deep: list[Options]


@dataclasses.dataclass
class Point:
    x: int
    y: int = 0


def test_annotations_of_every_kind_become_schemas() -> None:
    def draw(
        color: Color,
        point: Point,
        options: Options,
        when: datetime | None = None,
        path: Path = Path("out.png"),
        width: Annotated[float, Field(gt=0, description="in pixels")] = 1.5,
        style: Annotated[Literal["solid", "dashed"], "how it looks"] = "solid",
    ) -> str:
        return f"{color} {point} {options} {when} {path.name} {width} {style}"

    found = properties(draw)
    assert found["width"] == {"type": "number", "exclusiveMinimum": 0, "description": "in pixels", "default": 1.5}
    assert found["style"]["description"] == "how it looks"
    assert (found["path"]["format"], found["path"]["default"], found["when"]["default"]) == ("path", "out.png", None)
    arguments = '{"color": "b", "point": {"x": 1}, "options": {"title": "t"}, "when": "2024-01-02T03:04:05"}'
    text = dispatch(draw, arguments).text
    assert text == "Color.BLUE Point(x=1, y=0) {'title': 't'} 2024-01-02 03:04:05 out.png 1.5 solid"


def test_a_property_may_be_called_title() -> None:
    def name(options: Options, title: str) -> None: ...

    schema: Any = Tool.of(name).spec.parameters
    assert schema["$defs"]["Options"]["properties"]["title"] == {"type": "string"}
    assert schema["properties"]["title"] == {"type": "string"}


def test_a_field_as_default_is_the_default() -> None:
    def take(count: int = Field(default=3, ge=1), size: Annotated[int, Field(default=7)] = 8) -> str:
        return f"{count} {size}"

    assert properties(take)["count"] == {"type": "integer", "minimum": 1, "default": 3}
    assert dispatch(take).text == "3 8"
    assert dispatch(take, '{"count": 0}').status == "invalid_arguments"


def test_a_default_that_json_cannot_say_is_left_out_and_still_used() -> None:
    missing = object()

    def take(value: Any = missing, share: float = float("nan")) -> str:
        return str(value is missing)

    assert properties(take) == {"value": {}, "share": {"type": "number"}}
    assert dispatch(take).text == "True"


@pytest.mark.parametrize(
    "docstring",
    [
        "Area of it.\n\nArgs:\n    width (float): From left\n        to right.\n    height: Upwards.\n\n"
        "Returns:\n    x: y",
        "Area of it.\n\nParameters\n----------\nwidth : float\n    From left\n    to right.\nheight\n    Upwards.\n\n"
        "Returns\n-------\narea : float\n    The area.",
        "Area of it.\n\n:param width: From left\n    to right.\n:type width: float\n:param float height: Upwards.\n"
        ":returns: the area",
    ],
    ids=["google", "numpy", "sphinx"],
)
def test_docstrings_describe_function_and_parameters(docstring: str) -> None:
    def area(width: float, height: float) -> float:
        return width * height

    area.__doc__ = docstring
    assert Tool.of(area).spec.description == "Area of it."
    assert {name: entry["description"] for name, entry in properties(area).items()} == {
        "width": "From left to right.",
        "height": "Upwards.",
    }


def test_a_long_docstring_is_cut() -> None:
    def talk() -> None: ...

    talk.__doc__ = "word " * 1000
    assert 1_900 < len(Tool.of(talk).spec.description) <= 2_000


def scale(values: list[float], factor: float, *, offset: float = 0.0) -> list[float]:
    """Scale values."""
    return [value * factor + offset for value in values]


def test_a_partials_own_arguments_are_settled() -> None:
    double = functools.partial(scale, factor=2)
    assert Tool.of(double).name == "scale"
    assert set(properties(double)) == {"values", "offset"}
    assert dispatch(double, '{"values": [1], "offset": 1}').text == "[3.0]"
    assert dispatch(double, '{"values": [1], "factor": 5}').status == "invalid_arguments"


def test_a_partial_of_a_tool_keeps_its_need_for_approval() -> None:
    @tool(requires_approval=True)
    def remove(path: str, force: bool = False) -> str:
        return path

    assert Tool.of(functools.partial(remove, force=True)).options.requires_approval is True


class Search:
    """A class."""

    def __call__(self, text: str) -> str:
        """Search for a text."""
        return f"found {text}"


def test_an_object_that_can_be_called_is_a_tool() -> None:
    assert Tool.of(Search()).spec.description == "Search for a text."
    assert dispatch(Search(), '{"text": "tea"}').text == "found tea"


def numbers() -> Iterator[int]:
    yield 1


async def more_numbers() -> AsyncIterator[int]:
    yield 1


class Numbers:
    def __call__(self) -> Iterator[int]:
        yield 1


@pytest.mark.parametrize("function", [numbers, more_numbers, Numbers(), functools.partial(numbers)])
def test_generators_are_refused(function: Any) -> None:
    with pytest.raises(ToolDefinitionError, match=r"generator function.*Return a list"):
        Tool.of(function)


def test_the_decorator_refuses_at_once() -> None:
    with pytest.raises(ToolDefinitionError, match="generator function"):
        tool(numbers)
    with pytest.raises(ToolDefinitionError, match="requires_approval"):
        tool(requires_approval="yes")  # type: ignore[call-overload]


def callback(then: Callable[[int], int]) -> None: ...


@pytest.mark.parametrize(("function", "reason"), [(callback, "no JSON schema"), (Search.__call__, "has no object")])
def test_what_cannot_be_described_is_refused(function: Any, reason: str) -> None:
    with pytest.raises(ToolDefinitionError, match=reason):
        Tool.of(function)


def test_a_schema_that_every_request_would_carry_has_a_bound() -> None:
    def pick(value: str) -> None: ...

    pick.__annotations__["value"] = Literal[tuple(f"option {number}" for number in range(10_000))]
    with pytest.raises(ToolDefinitionError, match="more than 50,000"):
        Tool.of(pick)
