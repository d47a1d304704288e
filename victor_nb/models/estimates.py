"""How many tokens a text is worth when nobody has counted them. An estimate; what a provider reports always wins."""

from __future__ import annotations

import math

from victor_nb.messages import Message, ModelRequest

CHARACTERS_PER_TOKEN = 4


def estimate_tokens(text: str) -> int:
    """About how many tokens `text` is; 0 for an empty text."""
    return math.ceil(len(text) / CHARACTERS_PER_TOKEN)


def estimate_message(message: Message) -> int:
    calls = sum(estimate_tokens(call.name + call.arguments) for call in message.tool_calls)
    return estimate_tokens(message.content) + calls + sum(image.tokens for image in message.images)


def estimate_request(request: ModelRequest) -> int:
    """About how many tokens a request sends: messages, and tools with their schemas."""
    tools = sum(estimate_tokens(f"{tool.name}{tool.description}{tool.parameters}") for tool in request.tools)
    return tools + sum(map(estimate_message, request.messages))
