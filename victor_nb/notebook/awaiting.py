"""`await vn.ask("…")`: a turn that a cell awaits, or starts as a task and leaves running, and whose answer streams in
below that cell. In plain Python it is `vn.orchestrator.chat()`.

It runs on the loop that awaits it, so that tools run on the main thread in a notebook. While a cell keeps that
thread busy the answer stands still, and goes on afterwards.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any

from victor_nb.host import lent
from victor_nb.notebook.answers.formatters import note_streamed
from victor_nb.notebook.kernel.kernel_host import KernelHost

if TYPE_CHECKING:
    from victor_nb.agent.orchestrator import AgentOrchestrator
    from victor_nb.messages import ChatResponse
    from victor_nb.notebook.answers.stream import AnswerDisplay
    from victor_nb.notebook.answers.terminal import TerminalDisplay

log = logging.getLogger(__name__)
_TICK_S = 0.1


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
    return _Asked(orchestrator, display, host.request()).run(message, arguments)


def _display(host: KernelHost, quiet: bool | None, verbosity: str) -> AnswerDisplay | TerminalDisplay:
    shown: dict[str, Any] = {
        "quiet": verbosity == "quiet" if quiet is None else quiet,
        "detailed": verbosity == "detailed",
    }
    if not hasattr(host.shell, "kernel"):
        from victor_nb.notebook.answers.terminal import TerminalDisplay

        return TerminalDisplay(**shown)
    from victor_nb.notebook.answers.publisher import CellPublisher
    from victor_nb.notebook.answers.stream import AnswerDisplay

    display = AnswerDisplay(CellPublisher(host.shell, host.request()), **shown)
    display.announce()
    return display


class _Asked:
    """One turn and its display."""

    def __init__(
        self, orchestrator: AgentOrchestrator, display: AnswerDisplay | TerminalDisplay, request: Mapping[str, Any]
    ) -> None:
        self._orchestrator = orchestrator
        self._display = display
        self._request = request

    async def run(self, message: str, arguments: dict[str, Any]) -> ChatResponse:
        ticking = asyncio.create_task(self._tick())
        try:
            response = await self._orchestrator.chat(message, **arguments, on_chunk=self._feed)
        except asyncio.CancelledError as error:
            self._safely(lambda: self._display.interrupted(self._partial(arguments.get("session_id"))))
            kept = "what had arrived is kept" if self._display.text else "nothing had arrived"
            _show_as(error, f"KeyboardInterrupt: the answer was interrupted; {kept}")
            raise
        except BaseException as error:
            note = f"{type(error).__name__}: {error}"
            self._safely(lambda: self._display.failed(note))
            raise
        finally:
            ticking.cancel()
        self._safely(lambda: self._display.finish(response))
        note_streamed(response, self._request)
        return response

    def _partial(self, session_id: str | None) -> ChatResponse | None:
        """What was kept of this turn. Others may have ended meanwhile."""
        last = self._orchestrator.last_response
        if last and last.status == "interrupted" and last.session_id == (session_id or self._orchestrator.session_id):
            return last
        return None

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            self._safely(self._display.tick)

    def _feed(self, chunk: Any) -> None:
        self._safely(lambda: self._display.feed(chunk))

    def _safely(self, show: Callable[[], None]) -> None:
        """A display that fails must not end the answer."""
        try:
            show()
        except Exception:
            log.exception("the answer could not be displayed")


def _show_as(error: asyncio.CancelledError, line: str) -> None:
    """In a cell that was interrupted. A class of our own would be none that `asyncio.timeout()` knows."""

    def rendered() -> list[str]:
        return [line]

    setattr(error, "_render_traceback_", rendered)  # noqa: B010 (the class does not have it)
