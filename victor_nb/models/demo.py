"""The model that answers when there is none: no AI, no key, no network.

It says so first, shows what a real model would have been sent, and calls a tool when it is asked to, so that every
feature can be tried. The same request always gets the same answer.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Iterator

from victor_nb.messages import Message, ModelDelta, ModelReply, ModelRequest, ToolCall, ToolSpec, Usage
from victor_nb.models.catalog import PROVIDERS
from victor_nb.models.demo_calls import blank_value, requested_call
from victor_nb.models.detect import KEY_ORDER
from victor_nb.models.estimates import estimate_message, estimate_request, estimate_tokens

_USES = ", ".join(f"`%victor use {name}:{PROVIDERS[name].default_model}`" for name in KEY_ORDER)
HOW_TO_CONNECT = (
    "To connect one, put a key into the environment or a `.env` file (`ANTHROPIC_API_KEY`, `OPENAI_API_KEY` or "
    f"`GOOGLE_API_KEY`) and run one of {_USES}; or start Ollama and run `%victor use ollama:llama3.2`."
)
_PIECE = re.compile(r"\s*\S+\s*?|\s+")
_SHOWN = 400


class DemoModel:
    """`delay_s` is the pause after each piece of a streamed answer, in seconds."""

    name = "demo"
    provider = "demo"
    base_url: str | None = None
    context_window: int | None = None

    def __init__(self, delay_s: float = 0.01) -> None:
        self.delay_s = delay_s

    async def request(self, request: ModelRequest) -> ModelReply:
        return _reply(request)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelDelta | ModelReply, None]:
        reply = _reply(request)
        for piece in _PIECE.findall(reply.message.content):
            yield ModelDelta(text=piece)
            if self.delay_s:
                await asyncio.sleep(self.delay_s)
        for call in reply.message.tool_calls:
            yield ModelDelta(tool_name=call.name)
        yield reply


def _reply(request: ModelRequest) -> ModelReply:
    call = _wanted_call(request)
    text = _before_call(call) if call else _answer(request)
    message = Message("assistant", text, tool_calls=(call,) if call else ())
    usage = Usage(estimate_request(request), estimate_message(message), source="unmeasured")
    return ModelReply(message, usage, "demo", "demo", finish_reason="tool_call" if call else "stop")


def _wanted_call(request: ModelRequest) -> ToolCall | None:
    last = request.messages[-1] if request.messages else None
    if request.output_tool is not None:
        return _output_call(request.output_tool, len(request.messages))
    if last is None or last.role != "user":
        return None
    return requested_call(last.content, request.tools, id=f"demo_{len(request.messages)}")


def _output_call(tool: ToolSpec, number: int) -> ToolCall:
    """An empty object of the schema's shape: it shows the path, and pretends to no answer."""
    return ToolCall(f"demo_{number}", tool.name, json.dumps(blank_value(tool.parameters, tool.parameters)))


def _before_call(call: ToolCall) -> str:
    return f"I am the demo model, not an AI, but I can do as I am told: calling `{call.name}`."


def _answer(request: ModelRequest) -> str:
    results = _latest_results(request)
    parts = _about_results(results) if results else _introduction()
    return "\n\n".join([*parts, *_about_request(request)])


def _latest_results(request: ModelRequest) -> list[Message]:
    results: list[Message] = []
    for message in reversed(request.messages):
        if message.role != "tool":
            break
        results.insert(0, message)
    return results


def _about_results(results: list[Message]) -> Iterator[str]:
    yield "I am the demo model, not an AI. Here is what the tool gave back:"
    for result in results:
        yield f"`{result.tool_name}` →\n\n{_fenced(result.content)}"


def _introduction() -> Iterator[str]:
    yield f"**I am the demo model, not an AI**, so I cannot answer this. {HOW_TO_CONNECT}"
    yield "Everything else is real: the conversation, the tools, the analytics. A real model would have been sent this."


def _about_request(request: ModelRequest) -> Iterator[str]:
    yield _about_context(request)
    system = "\n\n".join(message.content for message in request.messages if message.role == "system")
    if system:
        yield f"**System prompt** (about {estimate_tokens(system)} tokens)\n\n{_fenced(system)}"
    if request.tools:
        yield "\n".join(["**Tools**", "", *map(_about_tool, request.tools)])
    if request.settings:
        shown = ", ".join(f"`{name}={value!r}`" for name, value in sorted(request.settings.items()))
        yield f"**Settings**: {shown}"


def _about_context(request: ModelRequest) -> str:
    lines = ["**Context**", "", "| role | messages | tokens (about) |", "|---|---:|---:|"]
    for role in ("system", "user", "assistant", "tool"):
        found = [message for message in request.messages if message.role == role]
        if found:
            lines.append(f"| {role} | {len(found)} | {sum(map(estimate_message, found))} |")
    lines.append(f"| all, with tools | {len(request.messages)} | {estimate_request(request)} |")
    return "\n".join(lines)


def _about_tool(tool: ToolSpec) -> str:
    properties = tool.parameters.get("properties")
    names = ", ".join(properties) if isinstance(properties, dict) else ""
    summary = tool.description.strip().partition("\n")[0]
    return f"- `{tool.name}({names})`" + (f": {summary}" if summary else "")


def _fenced(text: str) -> str:
    """In a fence longer than any inside it, so that the text cannot end it."""
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    ticks = max((len(run) for run in re.findall(r"`+", shown)), default=0)
    fence = "`" * max(3, ticks + 1)
    return f"{fence}text\n{shown}\n{fence}"
