"""`await vn.ask("…")`: a turn that a cell awaits, or starts as a task and leaves running, and whose answer streams in
below that cell. In plain Python it is `vn.orchestrator.chat()`.

It runs on the loop that awaits it, so that tools run on the main thread in a notebook. While a cell keeps that
thread busy the answer stands still, and goes on afterwards.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from victor_nb.host import lent
from victor_nb.notebook.answers.formatters import note_streamed
from victor_nb.notebook.answers.showing import streamed
from victor_nb.notebook.kernel.kernel_host import KernelHost

if TYPE_CHECKING:
    from victor_nb.agent.orchestrator import AgentOrchestrator
    from victor_nb.messages import ChatResponse
    from victor_nb.notebook.answers.stream import AnswerDisplay
    from victor_nb.notebook.answers.terminal import TerminalDisplay


def ask(message: str, *, quiet: bool | None = None, **arguments: Any) -> Coroutine[Any, Any, ChatResponse]:
    """Ask, to be awaited; the answer streams in below the cell that calls this, whatever runs meanwhile.

    Args:
        message: what is asked.
        quiet: no footer under the answer; as the setting `verbosity` says by default.
        **arguments: as those of `AgentOrchestrator.chat`: `model=`, `session_id=`, `tools=`, `output_type=`, …

    Raises:
        VictorError: when awaited: the turn failed, as `chat()` tells. The cell's output says so too.
    """
    from victor_nb.session import current

    orchestrator = current().orchestrator
    host = lent()
    if not isinstance(host, KernelHost):
        return orchestrator.chat(message, **arguments)
    display = _display(host, quiet, orchestrator.settings.verbosity)
    return _asked(orchestrator, display, host.request(), message, arguments)


def _display(host: KernelHost, quiet: bool | None, verbosity: str) -> AnswerDisplay | TerminalDisplay:
    looks: dict[str, Any] = {
        "quiet": verbosity == "quiet" if quiet is None else quiet,
        "detailed": verbosity == "detailed",
    }
    if not hasattr(host.shell, "kernel"):
        from victor_nb.notebook.answers.terminal import TerminalDisplay

        return TerminalDisplay(**looks)
    from victor_nb.notebook.answers.publisher import CellPublisher
    from victor_nb.notebook.answers.stream import AnswerDisplay

    display = AnswerDisplay(CellPublisher(host.shell, host.request()), **looks)
    display.announce()
    return display


async def _asked(
    orchestrator: AgentOrchestrator,
    display: AnswerDisplay | TerminalDisplay,
    request: Mapping[str, Any],
    message: str,
    arguments: Mapping[str, Any],
) -> ChatResponse:
    """One turn, below the cell that `request` asked for."""
    try:
        chat = partial(orchestrator.chat, message, **arguments)
        response = await streamed(lambda emit: chat(on_chunk=emit), display, named=True)
    except asyncio.CancelledError as error:
        kept = "what had arrived is kept" if display.text else "nothing had arrived"
        _show_as(error, f"KeyboardInterrupt: the answer was interrupted; {kept}")
        raise
    note_streamed(response, request)
    return response


def _show_as(error: asyncio.CancelledError, line: str) -> None:
    """In a cell that was interrupted. A class of our own would be none that `asyncio.timeout()` knows."""

    def rendered() -> list[str]:
        return [line]

    setattr(error, "_render_traceback_", rendered)  # noqa: B010 (the class does not have it)
