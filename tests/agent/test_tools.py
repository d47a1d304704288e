"""Tools made of functions as users write them, and every way in which a call can end."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import date
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field
from support.tool_dispatch import dispatch, run_here, run_in_thread

from victor_nb.agent.tools import CallSite, Tool, Toolbox, ToolInterrupted, tool
from victor_nb.errors import ToolDefinitionError
from victor_nb.messages import ToolCall


def weather(city: str, days: int = 3, *, unit: Literal["C", "F"] = "C") -> str:
    """Look up the weather
    of a city.

    More for people.

    Args:
        city (str): where,
            in English.
        days: how many days.

    Returns:
        text: a forecast.
    """
    return f"{city} {days} {unit}"


def test_the_schema_comes_from_signature_and_docstring() -> None:
    spec = Tool.of(weather).spec
    assert (spec.name, spec.description) == ("weather", "Look up the weather of a city. More for people.")
    assert spec.parameters == {
        "type": "object",
        "additionalProperties": False,
        "required": ["city"],
        "properties": {
            "city": {"type": "string", "description": "where, in English."},
            "days": {"type": "integer", "default": 3, "description": "how many days."},
            "unit": {"enum": ["C", "F"], "type": "string", "default": "C"},
        },
    }


class Place(BaseModel):
    lat: float
    near: list[Place] = []


def test_models_arrive_as_models_and_defs_stay() -> None:
    def where(place: Place, when: date, json: Any = None, _x: Annotated[int, Field(ge=1)] = 1) -> str:
        return f"{type(place).__name__} {place.near[0].lat} {when.year} {json} {_x}"

    assert "Place" in Tool.of(where).spec.parameters["$defs"]  # type: ignore[operator]
    arguments = '{"place": {"lat": 1, "near": [{"lat": 2}]}, "when": "2024-05-01", "json": [1], "_x": 2}'
    assert dispatch(where, arguments).text == "Place 2.0 2024 [1] 2"


def test_parameters_without_annotation_take_anything() -> None:
    def echo(value, other="o"):  # type: ignore[no-untyped-def]
        return value, other

    assert dispatch(echo, '{"value": {"a": [1]}}').text == '[{"a":[1]},"o"]'


def positional(x: int, /) -> None: ...
def many(*numbers: int) -> None: ...
def keywords(**options: int) -> None: ...
def thread(lock: threading.Thread) -> None: ...
def unknown(x: NoSuchType) -> None: ...  # type: ignore[name-defined]  # noqa: F821


@pytest.mark.parametrize("function", [positional, many, keywords, thread, unknown, lambda x: x, 7])
def test_what_no_model_could_call_is_refused_with_a_hint(function: Any) -> None:
    with pytest.raises(ToolDefinitionError) as caught:
        Toolbox([function])
    assert caught.value.hint
    assert "\n" not in str(caught.value)


def test_the_decorator_leaves_the_function_as_it_was() -> None:
    @tool
    def bare(x: int) -> int:
        return x + 1

    @tool(name="other", description="Told so.", requires_approval=True, timeout_s=5)
    def dressed(x: int) -> int:
        return x + 1

    assert bare(1) == dressed(1) == 2
    assert Tool.of(dressed).spec.description == "Told so."
    box = Toolbox([bare, dressed])
    assert list(box) == ["bare", "other"]
    assert box["other"].options.requires_approval
    with pytest.raises(ToolDefinitionError, match="Two tools are named 'bare'"):
        Toolbox([bare, bare])
    for timeout_s in (0, float("nan"), "5", True):
        with pytest.raises(ToolDefinitionError, match="timeout_s"):
            tool(timeout_s=timeout_s)  # type: ignore[call-overload]


def test_a_tool_is_made_once_until_it_is_marked_anew() -> None:
    def f(x: int) -> int:
        return x

    assert Tool.of(f) is Tool.of(f)
    assert Tool.of(tool(name="g")(f)).name == "g"


def test_methods_and_coroutine_functions_work() -> None:
    class Shop:
        def price(self, item: str) -> str:
            return f"{item}: 3"

        async def order(self, item: str) -> str:
            await asyncio.sleep(0)
            return f"ordered {item}"

    assert dispatch(Shop().price, '{"item": "tea"}').text == "tea: 3"
    assert dispatch(Shop().order, '{"item": "tea"}', runner=run_in_thread).text == "ordered tea"


def test_functions_run_where_the_runner_takes_them() -> None:
    here = threading.get_ident()
    assert dispatch(thread_ident, runner=run_here).text == str(here)
    assert dispatch(thread_ident, runner=run_in_thread).text != str(here)


def thread_ident() -> int:
    return threading.get_ident()


def test_a_good_call_is_measured() -> None:
    outcome = dispatch(weather, '{"city": "Köln"}')
    assert (outcome.status, outcome.text, outcome.error_type) == ("ok", "Köln 3 C", None)
    assert (outcome.args_bytes, outcome.result_bytes, outcome.truncated) == (17, 9, False)
    assert outcome.duration_s >= 0
    assert dispatch(thread_ident, "").status == "ok"


def test_an_unknown_tool_gets_a_suggestion() -> None:
    outcome = dispatch(weather, name="wether")
    assert outcome.status == "unknown_tool"
    assert "Did you mean 'weather'?" in outcome.text


@pytest.mark.parametrize(
    "error", [ValueError("no\nsuch  city"), SystemExit("no such city"), StopIteration("no such city")]
)
def test_what_a_tool_raises_is_one_line(error: BaseException) -> None:
    def fails() -> None:
        raise error

    outcome = dispatch(fails, runner=run_in_thread)
    assert outcome.status == "error"
    assert outcome.text.endswith("no such city")
    assert outcome.error_type in {type(error).__name__, "RuntimeError"}


@pytest.mark.parametrize("error", [KeyboardInterrupt, ToolInterrupted])
def test_an_interrupt_passes_through(error: type[BaseException]) -> None:
    """As an exception that cannot end the thread which the event loop runs on."""

    async def fails() -> None:
        raise error

    with pytest.raises(ToolInterrupted):
        dispatch(fails)


def test_a_tool_that_takes_too_long_is_left() -> None:
    @tool(timeout_s=0.01)
    async def slow() -> None:
        await asyncio.Event().wait()

    outcome = dispatch(slow, timeout_s=60)
    assert (outcome.status, outcome.error_type) == ("error", "TimeoutError")
    assert outcome.text == "Timed out after 0.01 s."


def test_a_plain_function_that_takes_too_long_may_go_on() -> None:
    over = threading.Event()

    def wait() -> None:
        over.wait(10)

    async def release_when_told(call: Callable[[], Any]) -> Any:
        try:
            return await asyncio.to_thread(call)
        finally:
            over.set()

    outcome = dispatch(wait, timeout_s=0.05, runner=CallSite(release_when_told, queued=1000))
    assert outcome.text == "Timed out after 0.05 s. It may still be running."


def test_the_time_of_a_call_starts_with_its_function() -> None:
    """Two functions that share one thread: the second waits longer than it may take, and is not late for that."""

    @tool(timeout_s=0.05)
    def quick() -> str:
        return "done"

    alone = asyncio.Lock()

    async def one_at_a_time(call: Callable[[], Any]) -> Any:
        async with alone:
            await asyncio.sleep(0.1)
            return await asyncio.to_thread(call)

    async def both() -> list[Any]:
        box, site = Toolbox([quick]), CallSite(one_at_a_time, queued=1000)
        return await asyncio.gather(*(box.dispatch(ToolCall(n, "quick", "{}"), site) for n in "ab"))

    assert [outcome.text for outcome in asyncio.run(both())] == ["done", "done"]


def test_a_timeout_of_the_tools_own_is_its_own_error() -> None:
    def fails() -> None:
        raise TimeoutError("the database is slow")

    assert dispatch(fails, timeout_s=60).text == "TimeoutError: the database is slow"


def test_an_error_whose_text_fails_is_named() -> None:
    class Odd(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no")

    def fails() -> None:
        raise Odd

    assert dispatch(fails).text == "Odd"


@given(st.text())
def test_no_arguments_can_break_a_dispatch(arguments: str) -> None:
    assert dispatch(weather, arguments).status in {"ok", "invalid_arguments"}


json_values = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5)


@given(st.dictionaries(st.sampled_from(["city", "days", "unit", "x"]), json_values))
def test_only_valid_arguments_reach_the_function(arguments: dict[str, Any]) -> None:
    outcome = dispatch(weather, json.dumps(arguments))
    if outcome.status == "ok":
        assert isinstance(arguments["city"], str)
        assert "x" not in arguments


def test_the_module_does_not_import_pandas() -> None:
    code = "import sys, victor_nb.agent.tools.text as t; t.result_text(object()); sys.exit('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
