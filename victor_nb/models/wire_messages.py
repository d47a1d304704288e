"""Our messages in the model library's form, and its answers in ours.

With `wire.py` and `wire_clients.py` the only place that knows pydantic-ai's types. A message is converted once: it is
frozen, so a long history costs its conversion only when it grows.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from victor_nb.messages import Image, JsonValue, Message, ModelRequest, ToolCall, ToolSpec, Usage
from victor_nb.models.estimates import estimate_request, estimate_tokens

if TYPE_CHECKING:
    from pydantic_ai import messages as library
    from pydantic_ai.models import ModelRequestParameters
    from pydantic_ai.tools import ToolDefinition

_CACHED_MESSAGES = 8192


@dataclass(frozen=True, slots=True)
class StoredWire:
    """An answer's wire form as it was kept, read only when it is sent again: that needs the model library, and looking
    at an old conversation does not."""

    data: JsonValue


class MessageConverter:
    """Turns conversations into the library's messages for one provider; remembers what it converted. With `images`
    the model takes them; else it is told that there was one."""

    def __init__(self, provider: str, *, images: bool = True) -> None:
        self.images = images
        self._provider = provider
        # The message is kept beside its form: as long as it stands here its id() cannot be reused.
        self._known: OrderedDict[int, tuple[Message, Any]] = OrderedDict()

    def convert(self, messages: Iterable[Message]) -> list[library.ModelMessage]:
        """All that stands between two answers becomes one request, so that a step's tool results arrive together."""
        from pydantic_ai import messages as library

        converted: list[library.ModelMessage] = []
        pending: list[library.ModelRequestPart] = []
        for message in messages:
            form = self._form(message)
            if not isinstance(form, library.ModelResponse):
                pending.append(form)
            elif form.parts:
                if pending:
                    converted.append(library.ModelRequest(parts=pending))
                    pending = []
                converted.append(form)
        return [*converted, library.ModelRequest(parts=pending)] if pending else converted

    def _form(self, message: Message) -> library.ModelResponse | library.ModelRequestPart:
        key = id(message)
        if (known := self._known.get(key)) is not None:
            self._known.move_to_end(key)
            return known[1]
        form = _converted(message, self._provider, images=self.images)
        self._known[key] = (message, form)
        if len(self._known) > _CACHED_MESSAGES:
            self._known.popitem(last=False)
        return form


def _converted(message: Message, provider: str, *, images: bool) -> library.ModelResponse | library.ModelRequestPart:
    from pydantic_ai import messages as library

    match message.role:
        case "system":
            return library.SystemPromptPart(message.content)
        case "user":
            return library.UserPromptPart(_content(message, images=images))
        case "tool":
            content = _content(message, images=images)
            return library.ToolReturnPart(message.tool_name or "", content, message.tool_call_id or "")
        case "assistant":
            return _own_form(message, provider) or _rebuilt(message)


def _content(message: Message, *, images: bool) -> str | list[Any]:
    """The text, and the images behind it; the library puts them where the provider wants those of a tool."""
    from pydantic_ai import messages as library

    if not message.images:
        return message.content
    if not images:
        return "\n".join(filter(None, [message.content, _left_out(message.images)]))
    files = [library.BinaryContent(image.data, media_type=image.media_type) for image in message.images]
    return [message.content, *files] if message.content else list(files)


def _left_out(images: Sequence[Image]) -> str:
    count = "an image" if len(images) == 1 else f"{len(images)} images"
    told = [image.description for image in images if image.description]
    return "\n".join([f"[{count} left out here: this model takes none]", *told])


def _own_form(message: Message, provider: str) -> library.ModelResponse | None:
    """The answer as the library gave it, if the provider is the same and the message was not changed since."""
    from pydantic_ai import messages as library

    wire = _restored(message.wire) if isinstance(message.wire, StoredWire) else message.wire
    if not isinstance(wire, library.ModelResponse) or wire.provider_name != provider:
        return None
    same = _text(wire) == message.content and _calls(wire) == message.tool_calls
    return wire if same else None


def _rebuilt(message: Message) -> library.ModelResponse:
    from pydantic_ai import messages as library

    parts: list[library.ModelResponsePart] = [library.TextPart(message.content)] if message.content else []
    parts += [library.ToolCallPart(call.name, call.arguments or "{}", call.id) for call in message.tool_calls]
    return library.ModelResponse(parts=parts)


def wire_to_json(wire: object) -> JsonValue:
    """`Message.wire` as JSON, to be kept; None for what is none of the library's answers."""
    if isinstance(wire, StoredWire):
        return wire.data
    if wire is None:
        return None
    from pydantic_ai import messages as library

    if not isinstance(wire, library.ModelResponse):
        return None
    kept: list[JsonValue] = library.ModelMessagesTypeAdapter.dump_python([wire], mode="json")
    return kept[0]


def wire_from_json(data: JsonValue) -> StoredWire | None:
    """The `Message.wire` that `wire_to_json` made `data` of. Whether the installed library can still read it shows when
    it is sent; if not, the message is sent as our own fields have it."""
    return StoredWire(data) if isinstance(data, dict) else None


def _restored(stored: StoredWire) -> library.ModelMessage | None:
    from pydantic import ValidationError
    from pydantic_ai import messages as library

    try:
        return library.ModelMessagesTypeAdapter.validate_python([stored.data])[0]
    except (ValidationError, ValueError, TypeError):
        return None


def parameters(request: ModelRequest) -> ModelRequestParameters:
    """The tools of a request. With `output_tool` plain text is no answer."""
    from pydantic_ai.models import ModelRequestParameters

    tools = [_definition(tool, "function") for tool in request.tools]
    if request.output_tool is None:
        return ModelRequestParameters(function_tools=tools)
    return ModelRequestParameters(
        function_tools=tools,
        output_mode="tool",
        output_tools=[_definition(request.output_tool, "output")],
        allow_text_output=False,
    )


def _definition(tool: ToolSpec, kind: Any) -> ToolDefinition:
    from pydantic_ai.tools import ToolDefinition

    return ToolDefinition(
        name=tool.name, description=tool.description, parameters_json_schema=dict(tool.parameters), kind=kind
    )


def to_message(response: library.ModelResponse) -> Message:
    """The answer as a message that carries its own wire form."""
    return Message("assistant", _text(response), tool_calls=_calls(response), wire=response)


def reasoning_of(response: library.ModelResponse) -> str:
    from pydantic_ai import messages as library

    return "".join(part.content for part in response.parts if isinstance(part, library.ThinkingPart))


def _text(response: library.ModelResponse) -> str:
    from pydantic_ai import messages as library

    return "".join(part.content for part in response.parts if isinstance(part, library.TextPart))


def _calls(response: library.ModelResponse) -> tuple[ToolCall, ...]:
    from pydantic_ai import messages as library

    return tuple(
        ToolCall(part.tool_call_id, part.tool_name, _arguments(part))
        for part in response.parts
        if isinstance(part, library.ToolCallPart)
    )


def _arguments(part: library.ToolCallPart) -> str:
    return part.args if isinstance(part.args, str) and part.args else part.args_as_json_str()


def to_usage(response: library.ModelResponse, request: ModelRequest) -> Usage:
    """The tokens reported, or an estimate marked as such when the server reported none."""
    told = response.usage
    if not (told.input_tokens or told.output_tokens):
        return estimated_usage(request, _text(response), _calls(response))
    return Usage(
        told.input_tokens,
        told.output_tokens,
        told.cache_read_tokens,
        told.cache_write_tokens,
        # The newer field is 0 both for none and for not told; the older one is absent then.
        getattr(told, "output_reasoning_tokens", 0) or told.details.get("reasoning_tokens"),
    )


def estimated_usage(request: ModelRequest, text: str, calls: Sequence[ToolCall] = ()) -> Usage:
    received = estimate_tokens(text) + sum(estimate_tokens(call.name + call.arguments) for call in calls)
    return Usage(estimate_request(request), received, source="estimated")
