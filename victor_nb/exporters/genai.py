"""The names of OpenTelemetry's conventions for generative AI, in one place: attributes, operations, providers, metrics.

They are in development and change; `VERSION` says whose these are. Other modules of this folder say what our events
mean, and take every `gen_ai.*` name from here. Imports nothing but the standard library.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

VERSION: Final = "0.1.0"
"""Release of semantic-conventions-genai, the first since these conventions left semantic-conventions 1.41."""

OPERATION_NAME: Final = "gen_ai.operation.name"
PROVIDER_NAME: Final = "gen_ai.provider.name"
REQUEST_MODEL: Final = "gen_ai.request.model"
REQUEST_TEMPERATURE: Final = "gen_ai.request.temperature"
REQUEST_MAX_TOKENS: Final = "gen_ai.request.max_tokens"
REQUEST_STREAM: Final = "gen_ai.request.stream"
RESPONSE_MODEL: Final = "gen_ai.response.model"
RESPONSE_FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
RESPONSE_TIME_TO_FIRST_CHUNK: Final = "gen_ai.response.time_to_first_chunk"
USAGE_INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
USAGE_OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
USAGE_CACHE_READ: Final = "gen_ai.usage.cache_read.input_tokens"
USAGE_CACHE_WRITE: Final = "gen_ai.usage.cache_write.input_tokens"
USAGE_REASONING: Final = "gen_ai.usage.reasoning.output_tokens"
CONVERSATION_ID: Final = "gen_ai.conversation.id"
CONVERSATION_COMPACTED: Final = "gen_ai.conversation.compacted"
AGENT_NAME: Final = "gen_ai.agent.name"
TOOL_NAME: Final = "gen_ai.tool.name"
TOOL_TYPE: Final = "gen_ai.tool.type"
TOOL_CALL_ID: Final = "gen_ai.tool.call.id"
TOOL_CALL_ARGUMENTS: Final = "gen_ai.tool.call.arguments"
TOOL_CALL_RESULT: Final = "gen_ai.tool.call.result"
INPUT_MESSAGES: Final = "gen_ai.input.messages"
OUTPUT_MESSAGES: Final = "gen_ai.output.messages"
TOKEN_MODALITY: Final = "gen_ai.token.modality"
ERROR_TYPE: Final = "error.type"

FIELDS: Final = {
    "session_id": CONVERSATION_ID,
    "provider": PROVIDER_NAME,
    "model": RESPONSE_MODEL,
    "temperature": REQUEST_TEMPERATURE,
    "max_tokens": REQUEST_MAX_TOKENS,
    "streamed": REQUEST_STREAM,
    "input_tokens": USAGE_INPUT_TOKENS,
    "output_tokens": USAGE_OUTPUT_TOKENS,
    "cache_read_tokens": USAGE_CACHE_READ,
    "cache_write_tokens": USAGE_CACHE_WRITE,
    "reasoning_tokens": USAGE_REASONING,
    "finish_reason": RESPONSE_FINISH_REASONS,
    "time_to_first_token_s": RESPONSE_TIME_TO_FIRST_CHUNK,
    "tool": TOOL_NAME,
    "tool_call_id": TOOL_CALL_ID,
    "error_type": ERROR_TYPE,
}
"""Field of an event → the attribute that means the same. `model` is that of a completed request."""

INVOKE_AGENT: Final = "invoke_agent"
CHAT: Final = "chat"
EXECUTE_TOOL: Final = "execute_tool"
OPERATIONS: Final = {"turn": INVOKE_AGENT, "model_request": CHAT, "tool_call": EXECUTE_TOOL}
"""Pair of events → the operation, which begins the name of its span."""

AGENT: Final = "victor_nb"
FUNCTION: Final = "function"  # the type of a tool that is called on the client's side
UNKNOWN_MODALITY: Final = "unknown"

_PROVIDERS: Final = {
    "openai-chat": "openai",
    "openai-responses": "openai",
    "openai-chatgpt": "openai",
    "openai-codex": "openai",
    "azure": "azure.ai.openai",
    "azure-responses": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "bedrock-mantle": "aws.bedrock",
    "google": "gcp.gemini",
    "google-cloud": "gcp.vertex_ai",
    "mistral": "mistral_ai",
    "moonshotai": "moonshot_ai",
    "xai": "x_ai",
}


def provider_name(provider: str) -> str:
    """The well-known value for one of our providers; its own name where there is none."""
    return _PROVIDERS.get(provider, provider)


@dataclass(frozen=True, slots=True)
class Instrument:
    """A metric: `unit` as UCUM writes it, `attributes` all that a point may have, `buckets` upper bounds."""

    name: str
    kind: Literal["counter", "histogram"]
    unit: str
    description: str
    attributes: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()

    def __hash__(self) -> int:
        return hash(self.name)


_TOKENS: Final = tuple(float(4**power) for power in range(14))
_CALL_SECONDS: Final = tuple(round(0.01 * 2**power, 2) for power in range(14))
_AGENT_SECONDS: Final = tuple(round(0.1 * 2**power, 1) for power in range(13))
_COUNTS: Final = tuple(float(2**power) for power in range(8))
_REQUEST: Final = (OPERATION_NAME, PROVIDER_NAME, REQUEST_MODEL)
_USAGE: Final = (*_REQUEST, TOKEN_MODALITY)
_INVOCATION: Final = (AGENT_NAME, PROVIDER_NAME, REQUEST_MODEL)

INPUT_TOKENS_USED: Final = Instrument(
    "gen_ai.client.inference.usage.input_tokens",
    "counter",
    "{token}",
    "The number of input tokens used, including cached tokens.",
    _USAGE,
)
OUTPUT_TOKENS_USED: Final = Instrument(
    "gen_ai.client.inference.usage.output_tokens",
    "counter",
    "{token}",
    "The number of output tokens used, including reasoning tokens.",
    _USAGE,
)
CACHE_READ_TOKENS_USED: Final = Instrument(
    "gen_ai.client.inference.usage.cache_read.input_tokens",
    "counter",
    "{token}",
    "The number of input tokens served from a provider-managed cache.",
    _USAGE,
)
CACHE_WRITE_TOKENS_USED: Final = Instrument(
    "gen_ai.client.inference.usage.cache_write.input_tokens",
    "counter",
    "{token}",
    "The number of input tokens written to a provider-managed cache.",
    _USAGE,
)
REASONING_TOKENS_USED: Final = Instrument(
    "gen_ai.client.inference.usage.reasoning.output_tokens",
    "counter",
    "{token}",
    "The number of output tokens used for reasoning.",
    _USAGE,
)
OPERATION_INPUT_TOKENS: Final = Instrument(
    "gen_ai.client.inference.operation.input_tokens",
    "histogram",
    "{token}",
    "The number of input tokens used per inference operation.",
    _REQUEST,
    _TOKENS,
)
OPERATION_OUTPUT_TOKENS: Final = Instrument(
    "gen_ai.client.inference.operation.output_tokens",
    "histogram",
    "{token}",
    "The number of output tokens used per inference operation.",
    _REQUEST,
    _TOKENS,
)
OPERATION_DURATION: Final = Instrument(
    "gen_ai.client.operation.duration",
    "histogram",
    "s",
    "GenAI operation duration.",
    (*_REQUEST, ERROR_TYPE),
    _CALL_SECONDS,
)
TIME_TO_FIRST_CHUNK: Final = Instrument(
    "gen_ai.client.operation.time_to_first_chunk",
    "histogram",
    "s",
    "Time from the request to the first chunk of a streamed response.",
    _REQUEST,
    _CALL_SECONDS,
)
AGENT_DURATION: Final = Instrument(
    "gen_ai.invoke_agent.duration",
    "histogram",
    "s",
    "The end-to-end duration of a single agent invocation.",
    (*_INVOCATION, ERROR_TYPE),
    _AGENT_SECONDS,
)
AGENT_INFERENCE_CALLS: Final = Instrument(
    "gen_ai.invoke_agent.inference_calls",
    "histogram",
    "{inference_call}",
    "The number of inference calls that an agent makes during a single invocation.",
    _INVOCATION,
    _COUNTS,
)
AGENT_TOOL_CALLS: Final = Instrument(
    "gen_ai.invoke_agent.tool_calls",
    "histogram",
    "{tool_call}",
    "The number of tool calls that an agent makes during a single invocation.",
    _INVOCATION,
    _COUNTS,
)
TOOL_DURATION: Final = Instrument(
    "gen_ai.execute_tool.duration",
    "histogram",
    "s",
    "The duration of a single tool execution.",
    (TOOL_NAME, TOOL_TYPE, ERROR_TYPE),
    _CALL_SECONDS,
)

METRICS: Final = (
    INPUT_TOKENS_USED,
    OUTPUT_TOKENS_USED,
    CACHE_READ_TOKENS_USED,
    CACHE_WRITE_TOKENS_USED,
    REASONING_TOKENS_USED,
    OPERATION_INPUT_TOKENS,
    OPERATION_OUTPUT_TOKENS,
    OPERATION_DURATION,
    TIME_TO_FIRST_CHUNK,
    AGENT_DURATION,
    AGENT_INFERENCE_CALLS,
    AGENT_TOOL_CALLS,
    TOOL_DURATION,
)
