"""The error of a request that cannot be made to fit, with what takes the space."""

from __future__ import annotations

from victor_nb.context.compaction import Limits
from victor_nb.context.conversation import Conversation
from victor_nb.context.steps import steps, user_positions
from victor_nb.errors import ContextError


def too_large(conversation: Conversation, limits: Limits) -> ContextError:
    """What even a compaction has to leave is named with its tokens, the largest first."""
    takes = sorted(_sizes(conversation).items(), key=lambda one: -one[1])
    named = ", ".join(f"{name} {tokens:,}" for name, tokens in takes if tokens > 0)
    return ContextError(
        f"The conversation takes {conversation.tokens():,} tokens, and {limits.usable:,} of the model's "
        f"{limits.window:,} are free for it. What cannot be dropped: {named}.",
        hint="Send a shorter message, unpin messages, offer fewer tools, reset the session, or set a larger "
        "context_window.",
    )


def _sizes(conversation: Conversation) -> dict[str, int]:
    view = conversation.view
    system, tools = conversation.meter.overhead()
    sizes = {"system prompt": system, "tools": tools, "added by the provider": round(conversation.meter.offset)}
    users = user_positions(view)
    for step in steps(view):
        if not step.protected:
            continue
        messages = view[step.start : step.end]
        if users and step.start == users[-1]:
            name = "last message"
        elif users and step.start == users[0]:
            name = "first message"
        elif any(message.pinned for message in messages):
            name = "pinned messages"
        else:
            name = "step in progress"
        sizes[name] = sizes.get(name, 0) + conversation.meter.share(conversation.cost(messages))
    return sizes
