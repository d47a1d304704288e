"""Answers of a given type: the model is offered one more tool, whose arguments are the answer.

A reply that does not validate is sent back once with all that is wrong with it; the second that does not fails the
turn with an `OutputError`, which carries what the model wrote.
"""

from __future__ import annotations

import json
import re
from collections.abc import Container, Sequence
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError

from victor_nb.errors import OutputError, UsageError
from victor_nb.messages import JsonValue, Message, ToolCall, ToolSpec

TOOL_NAME: Final = "final_answer"
REPAIR_ROUNDS: Final = 1
_WRAPPED: Final = "value"
_FENCED: Final = re.compile(r"\s*```[^\n`]*\n(.*?)\n?\s*```\s*", re.DOTALL)


class OutputType:
    """A requested answer type, as a tool to offer and as a check of what comes back."""

    def __init__(self, output_type: Any) -> None:
        try:
            self._adapter: TypeAdapter[Any] = TypeAdapter(output_type)
            schema = self._adapter.json_schema()
        except (PydanticUserError, TypeError, NameError) as error:
            raise UsageError(
                f"output_type={output_type!r} cannot be described to a model: {str(error).splitlines()[0]}",
                hint="use a pydantic model, a dataclass, or types such as list[str]",
            ) from None
        self._wrap = schema.get("type") != "object"
        self.spec = ToolSpec(TOOL_NAME, "Give the final answer in this form.", self._parameters(schema))

    def _parameters(self, schema: dict[str, JsonValue]) -> dict[str, JsonValue]:
        if not self._wrap:
            return schema
        definitions = schema.pop("$defs", None)
        wrapped: dict[str, JsonValue] = {"type": "object", "properties": {_WRAPPED: schema}, "required": [_WRAPPED]}
        return wrapped | ({"$defs": definitions} if definitions else {})

    def check_name_is_free(self, tools: Container[str]) -> None:
        """
        Raises:
            UsageError: one of `tools` has the name of the output tool.
        """
        if self.spec.name in tools:
            raise UsageError(
                f"a tool is named {self.spec.name!r}, as the one that takes the answer when output_type is given.",
                hint="rename yours with @tool(name='…'), or drop output_type",
            )

    def call_in(self, message: Message) -> ToolCall | None:
        """The call of the output tool in an answer, or None."""
        return next((call for call in message.tool_calls if call.name == TOOL_NAME), None)

    def parse(self, text: str, *, from_tool: bool) -> Any:
        """The validated object. What a validator of the type raises beyond pydantic's errors passes through.

        Raises:
            OutputError: the text is not JSON, or does not fit the type. Its message has a line for each thing that is
                wrong: where, and what.
        """
        try:
            value = _json(text)
        except (ValueError, RecursionError) as error:
            raise _refused([f"the answer is no JSON: {error}"], text) from None
        if self._wrap and from_tool and not _is_wrapped(value):
            raise _refused([f"{_WRAPPED}: Field required"], text)
        if self._wrap and _is_wrapped(value) and (from_tool or not self._fits(value)):
            return self._validated(value[_WRAPPED], text)
        return self._validated(value, text)

    def _fits(self, value: Any) -> bool:
        try:
            self._validated(value, "")
        except OutputError:
            return False
        return True

    def _validated(self, value: Any, text: str) -> Any:
        try:
            return self._adapter.validate_json(json.dumps(value))  # strict types take only JSON for JSON
        except ValidationError as error:
            found = error.errors(include_url=False, include_context=False, include_input=False)
            raise _refused([f"{_path(entry['loc'])}: {entry['msg']}" for entry in found], text) from None


def repair_request(error: OutputError, *, from_tool: bool) -> str:
    """What the model is told of an answer that does not fit."""
    how = f"Call {TOOL_NAME} again" if from_tool else f"Call {TOOL_NAME}"
    return f"{error.message}\n{how}, with the whole answer corrected."


def unrepaired(error: OutputError, finish_reason: str | None) -> OutputError:
    """The error of an answer that was asked for again in vain."""
    cut = finish_reason == "length"
    hint = "it was cut off: raise max_tokens" if cut else "error.text is what it wrote; ask again, or ask for less"
    return OutputError(f"{error.message}\nThe model was told, and did not mend it.", hint=hint, text=error.text)


def _json(text: str) -> Any:
    fenced = _FENCED.fullmatch(text)
    return json.loads(fenced[1] if fenced else text)


def _is_wrapped(value: object) -> bool:
    return isinstance(value, dict) and list(value) == [_WRAPPED]  # pyright: ignore[reportUnknownArgumentType]


def _path(place: Sequence[str | int]) -> str:
    return ".".join(map(str, place)) or "value"


def _refused(reasons: Sequence[str], text: str) -> OutputError:
    lines = "".join(f"\n- {reason}" for reason in reasons)
    return OutputError(f"The answer does not fit the requested type:{lines}", text=text)
