"""`%%victor` asks, `%victor` steers. Here a cell's text goes in and an answer comes out; everything that is heavy is
imported by the first use, not by loading."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, cast

from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand

from victor_nb.errors import AnswerInterrupted, UsageError, VictorError, did_you_mean
from victor_nb.notebook.arguments import CellOptions, cell_help, parse_cell_line, parse_verb

if TYPE_CHECKING:
    from victor_nb.messages import ChatResponse
    from victor_nb.notebook.kernel_host import KernelHost
    from victor_nb.notebook.stream import AnswerDisplay
    from victor_nb.notebook.terminal import TerminalDisplay
    from victor_nb.session import Session

_EMPTY_HINT = "There is nothing to ask yet: write your question below the %%victor line, then run the cell."


@magics_class
class VictorMagics(Magics):
    """The magics of one shell."""

    def __init__(self, host: KernelHost) -> None:
        super().__init__(host.shell)
        self._host = host

    @property
    def _session(self) -> Session:
        from victor_nb.session import current

        return current()

    @no_var_expand
    @line_cell_magic
    def victor(self, line: str, cell: str | None = None) -> Any:
        if cell is None:
            from victor_nb.notebook.verbs import run_verb

            return run_verb(*parse_verb(line), self._session, self._wait)
        return self._ask(parse_cell_line(line), cell)

    victor.__doc__ = cell_help()

    def _wait(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return self._host.bridge.run(lambda _: coroutine, show=lambda _: None, idle=lambda: None)

    def _ask(self, options: CellOptions, cell: str) -> None:
        if not cell.strip():
            print(_EMPTY_HINT)  # noqa: T201
            return
        orchestrator = self._session.orchestrator
        tools = [self._function(name) for name in options.tools]
        display = self._display(options)
        try:
            response = self._host.bridge.run(
                lambda emit: orchestrator.chat(
                    cell.strip(), session_id=options.session, model=options.model, tools=tools, on_chunk=emit
                ),
                show=display.feed,
                idle=display.tick,
            )
        except KeyboardInterrupt:
            partial = orchestrator.last_response
            display.interrupted(partial)
            self._bind(options, partial)
            raise AnswerInterrupted("the answer was interrupted; what had arrived is kept") from None
        except VictorError as error:
            display.failed()
            raise error.with_traceback(None) from None
        display.finish(response)
        self._bind(options, response)

    def _display(self, options: CellOptions) -> AnswerDisplay | TerminalDisplay:
        if not hasattr(self._host.shell, "kernel"):
            from victor_nb.notebook.terminal import TerminalDisplay

            return TerminalDisplay(quiet=options.quiet)
        from victor_nb.notebook.stream import AnswerDisplay, IPythonPublisher

        return AnswerDisplay(IPythonPublisher(self._host.shell), quiet=options.quiet, sole=True)

    def _bind(self, options: CellOptions, response: ChatResponse | None) -> None:
        if options.output and response:
            self._host.shell.push({options.output: response})

    def _function(self, name: str) -> Any:
        namespace = cast("dict[str, Any]", self._host.shell.user_ns)
        if callable(found := namespace.get(name)):
            return found
        if found is not None:
            raise UsageError(f"--tools: {name} is not a function.", hint="name functions of this notebook")
        functions = [known for known, value in namespace.items() if callable(value) and not known.startswith("_")]
        raise UsageError(
            f"--tools: there is no {name!r} in this notebook.{did_you_mean(name, functions)}",
            hint="run the cell that defines it first",
        )
