"""A question from a cell: it goes to the orchestrator, the answer streams in below, and the flags are heeded.

`%%victor` and the verbs that ask something come through here. What is heavy is imported with the first question.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn, cast

from victor_nb.errors import AnswerInterrupted, SessionInUseError, UsageError, VictorError, did_you_mean
from victor_nb.host import lent
from victor_nb.notebook.grammar.flags import CellOptions
from victor_nb.notebook.kernel.binding import Binding
from victor_nb.notebook.kernel.kernel_host import KernelHost
from victor_nb.notebook.kernel.printing import noticing

if TYPE_CHECKING:
    from victor_nb.agent.orchestrator import AgentOrchestrator
    from victor_nb.messages import ChatResponse, Image
    from victor_nb.notebook.answers.stream import AnswerDisplay
    from victor_nb.notebook.answers.terminal import TerminalDisplay
    from victor_nb.protocols import ToolFunction


def ask(prompt: str, options: CellOptions | None = None) -> ChatResponse | None:
    """Run a turn in the cell that is running, with its display; `options` are as on the line of a `%%victor` cell. None
    after a dry run, which asks nobody.

    Raises:
        UsageError: an option cannot be used, or the extension is not loaded; nothing was sent.
        AnswerInterrupted: the user interrupted; what had arrived is shown and kept.
        VictorError: the turn failed otherwise.
    """
    host = lent()
    if not isinstance(host, KernelHost):
        raise UsageError("there is no notebook to answer in.", hint="%load_ext victor_nb")
    return host.asker.ask(prompt, options or CellOptions())


class Asker:
    """Asks for the cells of one shell."""

    def __init__(self, host: KernelHost) -> None:
        self._host = host
        self._waiting: list[str] = []

    def ask(
        self, prompt: str, options: CellOptions, *, images: Sequence[Image] = (), printed: bool = False
    ) -> ChatResponse | None:
        """As the function of this name; with `printed` the cell may hold output that must stay."""
        orchestrator = self._orchestrator
        arguments: dict[str, Any] = {**self._arguments(options, orchestrator), "images": images}
        if options.dry_run:
            return self._dry_run(prompt, arguments, options)
        display = self._display(options)
        if printed:
            display.printed_beside()
        binding = Binding(self._host.shell, options.output)
        try:
            with self._turn_in(options.session or orchestrator.session_id), noticing(display.printed_beside):
                response = self._host.bridge.run(
                    lambda emit: binding.note(orchestrator.chat(prompt, **arguments, on_chunk=emit)),
                    show=display.feed,
                    idle=display.tick,
                )
            binding.bind(response)
            display.finish(response)
        except KeyboardInterrupt:
            self._interrupted(binding, display)
        except BaseException as error:
            display.failed()
            if isinstance(error, VictorError):
                raise self._told(error, options).with_traceback(None) from None
            raise
        self._put_code(options, response)
        return response

    def _dry_run(self, prompt: str, arguments: dict[str, Any], options: CellOptions) -> None:
        from victor_nb.notebook.dry_run import dry_run

        try:
            dry_run(self._host.shell, self._orchestrator, prompt, arguments, options.output)
        except VictorError as error:
            raise self._told(error, options).with_traceback(None) from None

    def waits_in(self, session_id: str) -> bool:
        """Whether a cell waits for an answer in this session."""
        return session_id in self._waiting

    @property
    def _orchestrator(self) -> AgentOrchestrator:
        from victor_nb.session import current

        return current().orchestrator

    def _arguments(self, options: CellOptions, orchestrator: AgentOrchestrator) -> dict[str, Any]:
        """Of `chat`."""
        return {
            "session_id": options.session,
            "model": options.model,
            "tools": self._tools(options.tools, orchestrator.tools),
            "output_type": self._output_type(options.schema),
            "system": options.system,
            "budget_usd": options.budget,
            "tags": options.tags,
            **options.settings,
        }

    def _told(self, error: VictorError, options: CellOptions) -> VictorError:
        """For somebody who writes magics."""
        if not isinstance(error, SessionInUseError):
            return error
        from victor_nb.notebook.conversations.held import choice

        orchestrator = self._orchestrator
        return choice(error, options.session or orchestrator.session_id, orchestrator.sessions.list()["session_id"])

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

    def _interrupted(self, binding: Binding, display: AnswerDisplay | TerminalDisplay) -> NoReturn:
        """Show and bind what had arrived, which is nothing yet when the turn was not over in time."""
        try:
            partial = binding.give_up()
            if partial and partial.status == "ok":
                display.finish(partial)
            else:
                display.interrupted(partial)
        finally:  # a second interrupt here must not bring its long traceback
            kept = "what had arrived is kept" if display.text else "nothing had arrived"
            raise AnswerInterrupted(f"the answer was interrupted; {kept}") from None

    def _display(self, options: CellOptions) -> AnswerDisplay | TerminalDisplay:
        verbosity = options.verbosity(self._orchestrator.settings.verbosity)
        shown: dict[str, Any] = {"quiet": verbosity == "quiet", "detailed": verbosity == "detailed"}
        if not hasattr(self._host.shell, "kernel"):
            from victor_nb.notebook.answers.terminal import TerminalDisplay

            return TerminalDisplay(**shown, look=options.format)
        from victor_nb.notebook.answers.stream import AnswerDisplay, IPythonPublisher

        publisher = IPythonPublisher(self._host.shell)
        sole = publisher.alone and not self._waiting  # a tool that asks is in the cell of the answer that called it
        return AnswerDisplay(publisher, **shown, sole=sole, look=options.format)

    def _put_code(self, options: CellOptions, response: ChatResponse) -> None:
        if options.code:
            from victor_nb.notebook.code_cells import put_answer

            quiet = options.verbosity(self._orchestrator.settings.verbosity) == "quiet"
            put_answer(self._host.shell, response, quiet=quiet)

    def _tools(self, names: Sequence[str], offered: Sequence[object]) -> list[ToolFunction]:
        """The functions that `--tools` names, but for those that every turn has anyway."""
        return [found for found in map(self._function, dict.fromkeys(names)) if found not in offered]

    def _function(self, name: str) -> Any:
        from victor_nb.agent.tools.sources import IToolSource

        namespace = self._namespace
        if callable(found := namespace.get(name)) or isinstance(found, IToolSource):
            return found
        if found is not None:
            raise UsageError(f"--tools: {name} is not a function.", hint="name functions of this notebook")
        functions = [known for known, value in namespace.items() if callable(value) and not known.startswith("_")]
        raise UsageError(
            f"--tools: there is no {name!r} in this notebook.{did_you_mean(name, functions)}",
            hint="run the cell that defines it first",
        )

    def _output_type(self, name: str | None) -> Any:
        if name is None:
            return None
        from victor_nb.notebook.grammar.schemas import type_named

        return type_named(name, self._namespace)

    @property
    def _namespace(self) -> dict[str, Any]:
        return cast("Any", self._host.shell).user_ns
