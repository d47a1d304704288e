"""What an interrupted turn leaves: the cancellation that ended it carries what there was of an answer, so that whoever
awaited it need not guess which of an orchestrator's turns was the last.
"""

from __future__ import annotations

from victor_nb.messages import ChatResponse


def leave(interruption: BaseException, response: ChatResponse | None) -> None:
    """A class of our own would be none that `asyncio.timeout()` knows, so it is an attribute."""
    setattr(interruption, "response", response)  # noqa: B010 (the class does not have it)


def left_by(interruption: BaseException) -> ChatResponse | None:
    """None when the turn had not begun."""
    found = getattr(interruption, "response", None)
    return found if isinstance(found, ChatResponse) else None
