"""`%%victor` asks, `%victor` steers. Here a cell's text goes in and an answer comes out; everything that is heavy is
imported by the first use, not by loading."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand

from victor_nb.errors import AnswerInterrupted
from victor_nb.notebook.grammar.arguments import cell_help, parse_cell_line, parse_verb
from victor_nb.notebook.grammar.line_secrets import KeyOnLineError, forget_input

if TYPE_CHECKING:
    from victor_nb.notebook.grammar.flags import CellOptions
    from victor_nb.notebook.kernel.kernel_host import KernelHost
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
        try:
            return self._steer(line) if cell is None else self._ask(line, cell)
        except KeyOnLineError:
            forget_input(self._host.shell)
            raise
        except AnswerInterrupted:
            raise
        except KeyboardInterrupt:  # while a verb worked on this thread, or the first question fetched what it needs
            raise AnswerInterrupted("interrupted") from None

    victor.__doc__ = cell_help()

    def _steer(self, line: str) -> Any:
        from victor_nb.notebook.kernel.waiting import wait
        from victor_nb.notebook.verbs.run import run_verb

        return run_verb(*parse_verb(line), self._session, wait)

    def _ask(self, line: str, cell: str) -> None:
        options = parse_cell_line(line)
        if not cell.strip():
            print(_EMPTY_HINT)  # noqa: T201
        elif options.raw or "{{" not in cell:
            self._host.asker.ask(cell.strip(), options)
        else:
            self._ask_with_values(cell, options)

    def _ask_with_values(self, cell: str, options: CellOptions) -> None:
        from victor_nb.notebook.kernel.printing import noticing, noticing_displays
        from victor_nb.notebook.variables.interpolate import question_of

        shell = cast("Any", self._host.shell)
        printed: list[bool] = []

        def notice() -> None:
            printed.append(True)

        with noticing(notice), noticing_displays(shell.display_pub, notice):
            question = question_of(cell, shell.user_ns)
            for note in question.notes:
                print(note)  # noqa: T201
        self._host.asker.ask(question.text, options, images=question.images, printed=bool(printed))
