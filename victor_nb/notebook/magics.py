"""`%%victor` asks, `%victor` steers. Here a cell's text goes in and an answer comes out; everything that is heavy is
imported by the first use, not by loading."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn, cast

from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand

from victor_nb.errors import AnswerInterrupted, SessionInUseError, UsageError, VictorError, did_you_mean
from victor_nb.notebook.arguments import CellOptions, cell_help, parse_cell_line, parse_verb
from victor_nb.notebook.printing import noticing

if TYPE_CHECKING:
    from victor_nb.messages import ChatResponse
    from victor_nb.notebook.kernel_host import KernelHost
    from victor_nb.notebook.stream import AnswerDisplay
    from victor_nb.notebook.terminal import TerminalDisplay
    from victor_nb.protocols import ToolFunction
    from victor_nb.session import Session

_EMPTY_HINT = "There is nothing to ask yet: write your question below the %%victor line, then run the cell."


@magics_class
class VictorMagics(Magics):
    """The magics of one shell."""

    def __init__(self, host: KernelHost) -> None:
        super().__init__(host.shell)
        self._host = host
        self._waiting: list[str] = []

    @property
    def _session(self) -> Session:
        from victor_nb.session import current

        return current()

    @no_var_expand
    @line_cell_magic
    def victor(self, line: str, cell: str | None = None) -> Any:
        if cell is None:
            from victor_nb.notebook.verbs import run_verb
            from victor_nb.notebook.waiting import wait

            return run_verb(*parse_verb(line), self._session, wait)
        return self._ask(parse_cell_line(line), cell)

    victor.__doc__ = cell_help()

    def _ask(self, options: CellOptions, cell: str) -> None:
        if not cell.strip():
            print(_EMPTY_HINT)  # noqa: T201
            return
        orchestrator = self._session.orchestrator
        tools = self._tools(options.tools, orchestrator.tools)
        display = self._display(options)
        before = orchestrator.last_response
        try:
            with self._turn_in(options.session or orchestrator.session_id), noticing(display.printed_beside):
                response = self._host.bridge.run(
                    lambda emit: orchestrator.chat(
                        cell.strip(),
                        session_id=options.session,
                        model=options.model,
                        tools=tools,
                        tags=options.tags,
                        on_chunk=emit,
                    ),
                    show=display.feed,
                    idle=display.tick,
                )
        except KeyboardInterrupt:
            partial = orchestrator.last_response
            self._interrupted(options, display, None if partial is before else partial)
        except BaseException as error:
            display.failed()
            if isinstance(error, VictorError):
                raise self._told(error, options).with_traceback(None) from None
            raise
        display.finish(response)
        self._bind(options, response)

    def _told(self, error: VictorError, options: CellOptions) -> VictorError:
        """For somebody who writes magics."""
        if not isinstance(error, SessionInUseError):
            return error
        from victor_nb.notebook.held import choice

        sessions = self._session.orchestrator.sessions
        return choice(error, options.session or self._session.orchestrator.session_id, sessions.list()["session_id"])

    @contextmanager
    def _turn_in(self, session_id: str) -> Generator[None]:
        """A conversation has one turn at a time: a tool that asked in the one that called it would wait for itself."""
        if session_id in self._waiting:
            raise UsageError(
                "%%victor: this conversation is waiting for the tool that asks.",
                hint="use another one, as in -s helper",
            )
        self._waiting.append(session_id)
        try:
            yield
        finally:
            self._waiting.remove(session_id)

    def _interrupted(
        self, options: CellOptions, display: AnswerDisplay | TerminalDisplay, partial: ChatResponse | None
    ) -> NoReturn:
        """Show and bind what had arrived; `partial` is None when the turn was not over in time, or had not begun."""
        try:
            self._bind(options, partial)
            display.interrupted(partial)
        finally:  # a second interrupt here must not bring its long traceback
            kept = "what had arrived is kept" if display.text else "nothing had arrived"
            raise AnswerInterrupted(f"the answer was interrupted; {kept}") from None

    def _display(self, options: CellOptions) -> AnswerDisplay | TerminalDisplay:
        if not hasattr(self._host.shell, "kernel"):
            from victor_nb.notebook.terminal import TerminalDisplay

            return TerminalDisplay(quiet=options.quiet)
        from victor_nb.notebook.stream import AnswerDisplay, IPythonPublisher

        publisher = IPythonPublisher(self._host.shell)
        return AnswerDisplay(publisher, quiet=options.quiet, sole=publisher.alone)

    def _bind(self, options: CellOptions, response: ChatResponse | None) -> None:
        if options.output and response:
            cast("Any", self._host.shell).push({options.output: response})

    def _tools(self, names: Sequence[str], offered: Sequence[object]) -> list[ToolFunction]:
        """The functions that `--tools` names, but for those that every turn has anyway."""
        return [found for found in map(self._function, dict.fromkeys(names)) if found not in offered]

    def _function(self, name: str) -> Any:
        from victor_nb.agent.tools.sources import IToolSource

        namespace = cast("dict[str, Any]", cast("Any", self._host.shell).user_ns)
        if callable(found := namespace.get(name)) or isinstance(found, IToolSource):
            return found
        if found is not None:
            raise UsageError(f"--tools: {name} is not a function.", hint="name functions of this notebook")
        functions = [known for known, value in namespace.items() if callable(value) and not known.startswith("_")]
        raise UsageError(
            f"--tools: there is no {name!r} in this notebook.{did_you_mean(name, functions)}",
            hint="run the cell that defines it first",
        )
