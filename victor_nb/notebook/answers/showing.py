"""A turn that streams into a display on the loop that awaits it: below a cell that awaits, or in a panel.

A display that fails must not end the answer: it is logged, and the turn goes on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from victor_nb.agent.interruption import left_by
from victor_nb.messages import ChatChunk, ChatResponse

if TYPE_CHECKING:
    from victor_nb.agent.inquiry import Emit
    from victor_nb.notebook.answers.stream import AnswerDisplay
    from victor_nb.notebook.answers.terminal import TerminalDisplay

log = logging.getLogger(__name__)
_TICK_S: Final = 0.1


def safely(show: Callable[[], None]) -> None:
    try:
        show()
    except Exception:
        log.exception("the answer could not be displayed")


async def streamed(
    ask: Callable[[Emit], Awaitable[ChatResponse]],
    display: AnswerDisplay | TerminalDisplay,
    *,
    beside: Callable[[], None] = lambda: None,
    named: bool = False,
) -> ChatResponse:
    """What `ask` answers, shown while it comes; `beside` is called ten times a second meanwhile. A failure is `named`
    where the answer broke off, unless somebody else tells of it."""

    def fed(chunk: ChatChunk) -> None:
        safely(lambda: display.feed(chunk))

    ticking = asyncio.create_task(_tick(display.tick, beside))
    try:
        response = await ask(fed)
    except asyncio.CancelledError as error:
        partial = left_by(error)
        safely(lambda: display.interrupted(partial))
        raise
    except BaseException as error:
        note = (f"{type(error).__name__}: {error}",) if named else ()
        safely(lambda: display.failed(*note))
        raise
    finally:
        ticking.cancel()
    safely(lambda: display.finish(response))
    return response


async def _tick(*shows: Callable[[], None]) -> None:
    while True:
        await asyncio.sleep(_TICK_S)
        for show in shows:
            safely(show)
