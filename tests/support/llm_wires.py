"""How three LLM services write an answer: OpenAI chat completions, OpenAI Responses and Anthropic messages.

A `Reply` says what the model answers; each wire turns it into one JSON body, or into the events of a stream.
Data only: no sockets, and nothing of victor_nb.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

Json = dict[str, Any]
REASONS = {"stop": "end_turn", "tool_calls": "tool_use", "length": "max_tokens"}


@dataclass(frozen=True)
class Reply:
    """One scripted answer.

    `usage` counts tokens under our own names: input_tokens (cached ones included), output_tokens, cached_tokens,
    cache_write_tokens, reasoning_tokens; None leaves usage out of the answer. `cut_after` breaks the connection after
    that many stream events. `gate` holds the stream before event `gate_after` until it is set. `delay_s` passes before
    the answer begins, `pause_s` before each event of a stream.
    """

    text: str = ""
    chunks: Sequence[str] = ()
    tool_calls: Sequence[tuple[str, Json] | tuple[str, Json, str]] = ()
    usage: Mapping[str, int] | None = field(default_factory=lambda: {"input_tokens": 10, "output_tokens": 5})
    finish_reason: str | None = None
    model: str | None = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    error: Json | str | None = None
    invalid_json: bool = False
    cut_after: int | None = None
    delay_s: float = 0.0
    pause_s: float = 0.0
    gate: threading.Event | None = None
    gate_after: int = 0

    @property
    def pieces(self) -> Sequence[str]:
        return self.chunks or ([self.text] if self.text else [])

    @property
    def content(self) -> str:
        return "".join(self.pieces)

    @property
    def calls(self) -> list[tuple[str, str, str]]:
        """(id, name, arguments as JSON) of each tool call."""
        return [
            (call[2] if len(call) > 2 else f"call_{index}", call[0], json.dumps(call[1]))
            for index, call in enumerate(self.tool_calls)
        ]

    @property
    def reason(self) -> str:
        return self.finish_reason or ("tool_calls" if self.tool_calls else "stop")

    def count(self, name: str) -> int:
        return (self.usage or {}).get(name, 0)


class Wire(Protocol):
    def body(self, reply: Reply, model: str) -> Json: ...
    def events(self, reply: Reply, model: str, request: Json) -> Iterator[str]: ...
    def error(self, status: int, message: str) -> Json: ...


def sse(data: Json | str, event: str = "") -> str:
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
    return (f"event: {event}\n" if event else "") + f"data: {text}\n\n"


class OpenAIChat:
    """POST /v1/chat/completions."""

    def error(self, status: int, message: str) -> Json:
        return {"error": {"message": message, "type": "error", "code": None, "param": None}}

    def usage(self, reply: Reply) -> Json | None:
        if reply.usage is None:
            return None
        sent, received = reply.count("input_tokens"), reply.count("output_tokens")
        return {
            "prompt_tokens": sent,
            "completion_tokens": received,
            "total_tokens": sent + received,
            "prompt_tokens_details": {"cached_tokens": reply.count("cached_tokens")},
            "completion_tokens_details": {"reasoning_tokens": reply.count("reasoning_tokens")},
        }

    def body(self, reply: Reply, model: str) -> Json:
        message: Json = {"role": "assistant", "content": reply.content or None}
        if reply.calls:
            message["tool_calls"] = [
                {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}
                for id, name, arguments in reply.calls
            ]
        body = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": model}
        body["choices"] = [{"index": 0, "message": message, "finish_reason": reply.reason}]  # type: ignore[assignment]
        return body | ({"usage": self.usage(reply)} if reply.usage is not None else {})

    def events(self, reply: Reply, model: str, request: Json) -> Iterator[str]:
        head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": model}

        def chunk(delta: Json, reason: str | None = None) -> str:
            return sse(head | {"choices": [{"index": 0, "delta": delta, "finish_reason": reason}]})

        for index, piece in enumerate(reply.pieces):
            yield chunk({"content": piece} | ({} if index else {"role": "assistant"}))
        for index, (id, name, arguments) in enumerate(reply.calls):
            start = {"index": index, "id": id, "type": "function", "function": {"name": name, "arguments": ""}}
            yield chunk({"tool_calls": [start]})
            for part in _halves(arguments):
                yield chunk({"tool_calls": [{"index": index, "function": {"arguments": part}}]})
        yield chunk({}, reply.reason)
        if reply.usage is not None and (request.get("stream_options") or {}).get("include_usage"):
            yield sse(head | {"choices": [], "usage": self.usage(reply)})
        yield sse("[DONE]")


class OpenAIResponses:
    """POST /v1/responses."""

    def error(self, status: int, message: str) -> Json:
        return OpenAIChat().error(status, message)

    def items(self, reply: Reply) -> list[Json]:
        part = {"type": "output_text", "text": reply.content, "annotations": []}
        message = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [part]}
        calls = [
            {
                "type": "function_call",
                "id": f"fc_{id}",
                "call_id": id,
                "name": name,
                "arguments": arguments,
                "status": "completed",
            }
            for id, name, arguments in reply.calls
        ]
        return ([message] if reply.pieces else []) + calls

    def body(self, reply: Reply, model: str) -> Json:
        sent, received = reply.count("input_tokens"), reply.count("output_tokens")
        usage = {
            "input_tokens": sent,
            "input_tokens_details": {"cached_tokens": reply.count("cached_tokens"), "cache_write_tokens": 0},
            "output_tokens": received,
            "output_tokens_details": {"reasoning_tokens": reply.count("reasoning_tokens")},
            "total_tokens": sent + received,
        }
        return {
            "id": "resp_1",
            "object": "response",
            "created_at": 1,
            "status": "completed",
            "model": model,
            "output": self.items(reply),
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
            "usage": usage if reply.usage is not None else None,
        }

    def events(self, reply: Reply, model: str, request: Json) -> Iterator[str]:
        for number, event in enumerate(self._events(reply, model)):
            yield sse(event | {"sequence_number": number}, event["type"])

    def _events(self, reply: Reply, model: str) -> Iterator[Json]:
        whole = self.body(reply, model)
        yield {"type": "response.created", "response": whole | {"status": "in_progress", "output": [], "usage": None}}
        for index, item in enumerate(self.items(reply)):
            tell = self._message if item["type"] == "message" else self._call
            yield from tell(item, index, reply)
            yield {"type": "response.output_item.done", "output_index": index, "item": item}
        yield {"type": "response.completed", "response": whole}

    def _message(self, item: Json, index: int, reply: Reply) -> Iterator[Json]:
        at = {"item_id": item["id"], "output_index": index, "content_index": 0}
        empty = {"type": "output_text", "text": "", "annotations": []}
        opened = item | {"status": "in_progress", "content": []}
        yield {"type": "response.output_item.added", "output_index": index, "item": opened}
        yield {"type": "response.content_part.added", **at, "part": empty}
        for piece in reply.pieces:
            yield {"type": "response.output_text.delta", **at, "delta": piece, "logprobs": []}
        yield {"type": "response.output_text.done", **at, "text": reply.content, "logprobs": []}
        yield {"type": "response.content_part.done", **at, "part": item["content"][0]}

    def _call(self, item: Json, index: int, reply: Reply) -> Iterator[Json]:
        at = {"item_id": item["id"], "output_index": index}
        opened = item | {"status": "in_progress", "arguments": ""}
        yield {"type": "response.output_item.added", "output_index": index, "item": opened}
        for part in _halves(item["arguments"]):
            yield {"type": "response.function_call_arguments.delta", **at, "delta": part}
        done = {"name": item["name"], "arguments": item["arguments"]}
        yield {"type": "response.function_call_arguments.done", **at, **done}


class AnthropicMessages:
    """POST /v1/messages. Its input_tokens leave cached tokens out, so they are subtracted here."""

    def error(self, status: int, message: str) -> Json:
        return {"type": "error", "error": {"type": "api_error", "message": message}}

    def usage(self, reply: Reply) -> Json:
        cached, written = reply.count("cached_tokens"), reply.count("cache_write_tokens")
        return {
            "input_tokens": reply.count("input_tokens") - cached - written,
            "cache_read_input_tokens": cached,
            "cache_creation_input_tokens": written,
            "output_tokens": reply.count("output_tokens"),
        }

    def blocks(self, reply: Reply) -> list[Json]:
        text = [{"type": "text", "text": reply.content}] if reply.pieces else []
        return text + [
            {"type": "tool_use", "id": id, "name": name, "input": json.loads(arguments)}
            for id, name, arguments in reply.calls
        ]

    def body(self, reply: Reply, model: str) -> Json:
        return {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": self.blocks(reply),
            "stop_reason": REASONS.get(reply.reason, reply.reason),
            "stop_sequence": None,
            "usage": self.usage(reply),
        }

    def events(self, reply: Reply, model: str, request: Json) -> Iterator[str]:
        for event in self._events(reply, model):
            yield sse(event, event["type"])

    def _events(self, reply: Reply, model: str) -> Iterator[Json]:
        opened = {"content": [], "stop_reason": None, "usage": self.usage(reply) | {"output_tokens": 1}}
        yield {"type": "message_start", "message": self.body(reply, model) | opened}
        for index, block in enumerate(self.blocks(reply)):
            is_text = block["type"] == "text"
            empty = block | ({"text": ""} if is_text else {"input": {}})
            yield {"type": "content_block_start", "index": index, "content_block": empty}
            for piece in reply.pieces if is_text else _halves(json.dumps(block["input"])):
                delta = {"type": "text_delta", "text": piece} if is_text else _json_delta(piece)
                yield {"type": "content_block_delta", "index": index, "delta": delta}
            yield {"type": "content_block_stop", "index": index}
        stop = {"stop_reason": REASONS.get(reply.reason, reply.reason), "stop_sequence": None}
        yield {"type": "message_delta", "delta": stop, "usage": {"output_tokens": reply.count("output_tokens")}}
        yield {"type": "message_stop"}


def _json_delta(piece: str) -> Json:
    return {"type": "input_json_delta", "partial_json": piece}


def _halves(text: str) -> tuple[str, str]:
    middle = len(text) // 2
    return text[:middle], text[middle:]


WIRES: dict[str, Wire] = {
    "/chat/completions": OpenAIChat(),
    "/responses": OpenAIResponses(),
    "/messages": AnthropicMessages(),
}
