"""The notebook as a session's host: tools run on the main thread, and turns know their cell and notebook."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

from victor_nb import clock
from victor_nb.notebook.kernel.executions import Execution, Executions

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from victor_nb.notebook.asking import Asker
    from victor_nb.notebook.kernel.bridge import Bridge
    from victor_nb.notebook.kernel.main_thread import MainThread


class KernelHost:
    """Lends `shell` to the session. The bridge is made when it is first needed: loading stays instant."""

    def __init__(self, shell: InteractiveShell) -> None:
        self.shell = shell
        self.executions = Executions(shell)
        self._bridge: Bridge | None = None
        self._main_thread: MainThread | None = None
        self._asker: Asker | None = None

    @property
    def bridge(self) -> Bridge:
        if self._bridge is None:
            from victor_nb.notebook.kernel.bridge import Bridge

            self._bridge = Bridge(between=self.main_thread.serve)
        return self._bridge

    @property
    def main_thread(self) -> MainThread:
        if self._main_thread is None:
            from victor_nb.notebook.kernel.main_thread import MainThread

            self._main_thread = MainThread(self.shell)
        return self._main_thread

    @property
    def asker(self) -> Asker:
        if self._asker is None:
            from victor_nb.notebook.asking import Asker

            self._asker = Asker(self)
        return self._asker

    def request(self) -> Mapping[str, Any]:
        """The message that asked for the cell that the calling code belongs to; empty in a terminal."""
        execution = self.executions.current()
        return execution.request if execution else self.executions.request()

    async def run_tool(self, call: Callable[[], Any]) -> Any:
        """What it prints goes below the cell that asked."""
        from victor_nb.notebook.answers.publisher import below

        execution = self.executions.current()
        request: Mapping[str, Any] = execution.request if execution else {}

        def called() -> Any:
            with below(self.shell, request):
                return call()

        return await self.bridge.run_tool(called)

    async def ask(self, question: str) -> str | None:
        """What a person types, in small letters; None where nobody can be asked: without a front end that takes input,
        and in a turn that runs while no cell waits for it. An interrupt is no answer: it ends the turn."""
        from victor_nb.notebook.kernel.bridge import CellOver
        from victor_nb.notebook.kernel.questions import ask

        if not self.bridge.takes_input:
            return None
        try:
            return await self.bridge.run_here(lambda: ask(question))
        except CellOver:
            return None

    async def confirm(self, question: str) -> bool:
        from victor_nb.notebook.kernel.questions import YES

        return await self.ask(f"{question} [y/N] ") in YES

    def namespace(self) -> Mapping[str, Any]:
        from victor_nb.notebook.kernel.namespace import namespace_of

        return namespace_of(self.shell)

    def turn_origin(self) -> Mapping[str, Any]:
        """A turn of a task that outlived its cell still knows where it came from, but has no key: it is added at the
        end, since a cell that is over must not take the place of what came after it. In a replay runs are counted by
        ourselves: what front ends call them and count is different every time."""
        execution = self.executions.current() or Execution(None, None, None)
        keyed, recorded = not execution.over, clock.is_recorded()
        run, count = (str(execution.number), execution.number) if recorded else (execution.id, execution.count)
        return {
            "cell_id": execution.cell_id,
            "key": execution.key if keyed else None,
            "execution": run if keyed else None,
            "execution_count": count,
            "notebook": notebook_of(self.shell),
        }


def notebook_of(shell: InteractiveShell) -> str | None:
    """The notebook's file, where the front end says it: Jupyter's server does, and VS Code."""
    from victor_nb.store.registry import notebook_path

    return notebook_path() or cast("Any", shell).user_ns.get("__vsc_ipynb_file__")
