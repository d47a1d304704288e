"""Answers of a given type: the model is offered one more tool, whose arguments are the answer.

A reply that does not validate is sent back with the reason; the turn fails with an `OutputError` when the model does
not get it right.
"""

from __future__ import annotations

import json
from collections.abc import Container
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError

from victor_nb.errors import OutputError, UsageError
from victor_nb.messages import JsonValue, Message, ToolCall, ToolSpec

TOOL_NAME = "final_answer"
_WRAPPED = "value"


class OutputType:
    """A requested answer type, as a tool to offer and as a check of what comes back."""

    def __init__(self, output_type: Any) -> None:
        try:
            self._adapter: TypeAdapter[Any] = TypeAdapter(output_type)
            schema = self._adapter.json_schema()
        except (PydanticUserError, TypeError) as error:
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
        """The validated object.

        Raises:
            OutputError: the text is not JSON, or does not fit the type.
        """
        try:
            value = json.loads(text)
            if from_tool and self._wrap:
                value = value[_WRAPPED]
            return self._adapter.validate_json(json.dumps(value))  # strict types take only JSON for JSON
        except ValidationError as error:
            reasons = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'value'}: {e['msg']}" for e in error.errors()[:5])
            raise OutputError(f"the answer does not fit the requested type ({reasons}).") from None
        except (ValueError, KeyError, TypeError):
            raise OutputError(
                "the answer is not in the requested form.", hint="ask again, or drop output_type"
            ) from None
