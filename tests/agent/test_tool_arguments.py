"""A model that calls a tool wrongly is told what was wrong, what is allowed, and what it may have meant."""

from __future__ import annotations

import json
from typing import Annotated, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, field_validator
from support.tool_dispatch import dispatch


class Place(BaseModel):
    lat: float
    near: list[Place] = []

    @field_validator("lat")
    @classmethod
    def on_earth(cls, value: float) -> float:
        if abs(value) > 90:
            raise ValueError("must be from -90 to 90")
        if value == 13:
            raise RuntimeError("a bug of the user's")
        return value


def weather(
    city: str,
    days: Annotated[int, Field(ge=1, le=10)] = 3,
    unit: Literal["celsius", "fahrenheit"] = "celsius",
    tags: list[str] | None = None,
    at: Place | None = None,
) -> str:
    """The weather.

    Args:
        city: where, in English.
    """
    return f"{city} {days} {unit} {tags} {at and at.lat}"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ("{", "Invalid JSON (EOF while parsing"),
        ("[]", "a JSON object was expected, not []."),
        ("{}", "- city: missing; it must be given: string, where, in English."),
        ('{"city": "x", "unti": 1}', "- unti: there is no such parameter. Did you mean 'unit'? Parameters: city, days"),
        ('{"city": "x", "unit": "celcius"}', "'celsius' or 'fahrenheit', not \"celcius\". Did you mean 'celsius'?"),
        ('{"city": "x", "days": 0}', "or equal to 1, not 0. Expected: integer, minimum 1, maximum 10."),
        ('{"city": "x", "at": {"lat": 91}}', "- at.lat: must be from -90 to 90, not 91."),
        ('{"city": "x", "at": {"near": []}}', "- at.lat: missing."),
        ('{"city": "x", "at": {"lat": 13}}', "not valid: a bug of the user's"),
        (json.dumps({"city": ["x" * 500]}), "x…. Expected: string"),
    ],
)
def test_wrong_arguments_are_told_to_the_model(arguments: str, reason: str) -> None:
    outcome = dispatch(weather, arguments)
    assert (outcome.status, outcome.error_type) == ("invalid_arguments", "ValidationError")
    assert reason in outcome.text
    assert "errors.pydantic.dev" not in outcome.text
    assert len(outcome.text) < 1000


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ('"{\\"city\\": \\"x\\"}"', "x 3 celsius None None"),
        ('{"city": "x", "tags": "[\\"a\\", \\"b\\"]"}', "x 3 celsius ['a', 'b'] None"),
        ('{"city": "x", "at": "{\\"lat\\": \\"1\\"}", "days": "4"}', "x 4 celsius None 1.0"),
        ('{"city": "[1]"}', "[1] 3 celsius None None"),
    ],
)
def test_json_within_a_string_is_read_where_the_parameter_is_no_text(arguments: str, text: str) -> None:
    assert dispatch(weather, arguments).text == text


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["lat", "near", "x"]), inner),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(["city", "days", "unit", "tags", "at", "x"]), anything) | anything)
def test_whatever_a_model_writes_is_called_or_told(value: object) -> None:
    arguments = json.dumps(value)
    outcome = dispatch(weather, arguments)
    assert outcome.status in {"ok", "invalid_arguments"}
    assert outcome.status == "ok" or outcome.text.startswith("The arguments ")
