"""The data of a conversation: messages, tool calls, usage, and what `chat()` returns.

Everything here is frozen and holds no behaviour beyond reading itself. Token counts follow OpenTelemetry's
GenAI meaning: input tokens include cached ones, output tokens include reasoning.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from victor_nb.clock import new_id

JsonValue: TypeAlias = "dict[str, JsonValue] | list[JsonValue] | str | int | float | bool | None"
Role: TypeAlias = Literal["system", "user", "assistant", "tool"]
UsageSource: TypeAlias = Literal["reported", "estimated", "unmeasured"]
TurnStatus: TypeAlias = Literal["ok", "error", "interrupted"]
ToolStatus: TypeAlias = Literal["ok", "error", "denied", "unknown_tool", "invalid_arguments", "interrupted"]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A model's request to run a tool. `arguments` is the JSON text exactly as the model wrote it."""

    id: str
    name: str
    arguments: str


_MOST_PER_IMAGE = 1_600
_PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, slots=True)
class Image:
    """A picture that a message carries, as the bytes of a file of that `media_type` (such as `image/png`).

    `description` says in words what it shows, and is read by models that take no pictures.
    """

    data: bytes = field(repr=False)
    media_type: str
    description: str = ""

    @property
    def tokens(self) -> int:
        """About what it costs: providers count by its area, up to a limit."""
        if not self.data.startswith(_PNG):
            return _MOST_PER_IMAGE
        width, height = (int.from_bytes(self.data[at : at + 4], "big") for at in (16, 20))
        return min(max(width * height // 750, 85), _MOST_PER_IMAGE)


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation. `images` are a question's or a tool result's, for models that take them.

    `wire` holds the model library's own form of an assistant message (signatures of reasoning, provider ids), so
    that it can be sent back unchanged; it takes no part in comparisons.
    """

    role: Role
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    tool_name: str | None = None
    pinned: bool = False
    id: str = field(default_factory=new_id)
    turn_id: str | None = None
    metadata: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])
    wire: Any = field(default=None, repr=False, compare=False)
    images: tuple[Image, ...] = ()


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one request or of one turn.

    `source` is `reported` by the provider, `estimated` by us (an interrupted stream reports none), or `unmeasured`
    (the demo model, whose counts are no model's counts).
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int | None = None
    source: UsageSource = "reported"

    @property
    def total_tokens(self) -> int:
        return self.input_tokens + self.output_tokens

    def __add__(self, other: Usage) -> Usage:
        reasoning = [u.reasoning_tokens for u in (self, other) if u.reasoning_tokens is not None]
        rank: tuple[UsageSource, ...] = ("reported", "estimated", "unmeasured")
        worst = rank[max(rank.index(self.source), rank.index(other.source))]
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cached_tokens + other.cached_tokens,
            self.cache_write_tokens + other.cache_write_tokens,
            sum(reasoning) if reasoning else None,
            worst,
        )


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """What a model is told of a tool: name, description and the JSON schema of its parameters."""

    name: str
    description: str
    parameters: dict[str, JsonValue]


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """All that one request sends: the view of the conversation (system message first), tools and settings.

    `settings` holds only the names in `MODEL_SETTINGS`. With `output_tool` the model must answer by calling it.
    `purpose` is `chat` or `compaction`.
    """

    messages: tuple[Message, ...]
    tools: tuple[ToolSpec, ...] = ()
    settings: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])
    output_tool: ToolSpec | None = None
    session_id: str = ""
    turn_id: str = ""
    purpose: str = "chat"


@dataclass(frozen=True, slots=True)
class ToolRequest:
    """A tool call as middleware sees it. `arguments` are as the function takes them, checked; of a call that is not
    going to be made, since they are wrong or there is no such tool, as the model wrote them. Only `arguments` may be
    changed; they are checked again then, and wrong ones may be mended."""

    call: ToolCall
    arguments: Mapping[str, Any]
    session_id: str = ""
    turn_id: str = ""

    @property
    def name(self) -> str:
        return self.call.name


MODEL_SETTINGS = frozenset(
    {
        "max_tokens",
        "temperature",
        "top_p",
        "top_k",
        "timeout",
        "parallel_tool_calls",
        "seed",
        "presence_penalty",
        "frequency_penalty",
        "logit_bias",
        "stop_sequences",
        "extra_body",
        "thinking",
        "service_tier",
    }
)


@dataclass(frozen=True, slots=True)
class ModelDelta:
    """A piece of an answer as it streams in: text, or reasoning, or the start of a tool call."""

    text: str = ""
    reasoning: str = ""
    tool_name: str = ""


@dataclass(frozen=True, slots=True)
class ModelReply:
    """A whole answer to one request. `complete` is False when the stream was cut before its end."""

    message: Message
    usage: Usage
    model: str
    provider: str
    finish_reason: str | None = None
    reasoning: str = ""
    cost_usd: float | None = None
    cost_source: str | None = None
    attempts: int = 1
    complete: bool = True


@dataclass(frozen=True, slots=True)
class ToolResult:
    """One tool call of a turn and what came of it. `result` is the text that the model was sent."""

    id: str
    name: str
    arguments: str
    result: str
    status: ToolStatus
    duration_s: float


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """A fenced block of code in an answer."""

    language: str
    source: str


@dataclass(frozen=True, slots=True)
class ChatChunk:
    """What `stream_chat` yields. `content` is answer text; for the other kinds it is empty, so that
    `print(chunk.content, end="")` shows the answer and nothing else."""

    content: str = ""
    reasoning: str = ""
    tool_started: ToolCall | None = None
    tool_finished: ToolResult | None = None


_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})([^\n`]*)\n(.*?)(?:^ {0,3}\1[`~]*[ \t]*$|\Z)", re.DOTALL | re.MULTILINE)


def code_blocks(text: str) -> tuple[CodeBlock, ...]:
    """The fenced code blocks of a Markdown text, in order."""
    return tuple(
        CodeBlock(language=(found[2].split() or [""])[0], source=found[3].removesuffix("\n"))
        for found in _FENCE.finditer(text)
    )


@dataclass(frozen=True, slots=True)
class ChatResponse:
    """The answer to one `chat()`.

    `cost_usd` is in US dollars, or None when the price is unknown; durations are seconds of a monotonic clock;
    `output` is the validated object when `output_type` was asked for, which `typed` tells: None may be an answer.
    `requests` were sent to the model; `context_fraction` is the share of its window that the last one took, if known.
    """

    content: str
    usage: Usage
    model: str
    provider: str
    session_id: str
    turn_id: str
    status: TurnStatus = "ok"
    cost_usd: float | None = None
    tool_calls: tuple[ToolResult, ...] = ()
    finish_reason: str | None = None
    duration_s: float = 0.0
    time_to_first_token_s: float | None = None
    reasoning: str = ""
    output: Any = None
    typed: bool = False
    requests: int = 0
    context_fraction: float | None = None

    @property
    def value(self) -> Any:
        """The validated object when an `output_type` was asked for, else the text."""
        return self.output if self.typed or self.output is not None else self.content

    @property
    def code(self) -> tuple[CodeBlock, ...]:
        """The fenced code blocks of the answer, in order."""
        return code_blocks(self.content)

    def __str__(self) -> str:
        return self.content
