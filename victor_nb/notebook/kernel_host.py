"""The notebook as a session's host: tools run on the main thread, and turns know their cell and notebook."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from victor_nb.notebook.bridge import Bridge


class KernelHost:
    """Lends `shell` to the session. The bridge is made when it is first needed: loading stays instant."""

    def __init__(self, shell: InteractiveShell) -> None:
        self.shell = shell
        self._bridge: Bridge | None = None

    @property
    def bridge(self) -> Bridge:
        if self._bridge is None:
            from victor_nb.notebook.bridge import Bridge

            self._bridge = Bridge()
        return self._bridge

    async def run_tool(self, call: Callable[[], Any]) -> Any:
        return await self.bridge.run_tool(call)

    def turn_origin(self) -> Mapping[str, Any]:
        return {
            "cell_id": self._cell_id(),
            "execution_count": self._execution_count(),
            "notebook": self._notebook(),
        }

    def _execution_count(self) -> int | None:
        """The running cell's number. `shell.execution_count` is it in older IPythons, and the next cell's in newer."""
        running: Any = getattr(self.shell.displayhook, "exec_result", None)
        return running.execution_count if running else None

    def _cell_id(self) -> str | None:
        """The id that JupyterLab and VS Code send in the metadata of an execute request."""
        kernel: Any = getattr(self.shell, "kernel", None)
        metadata: dict[str, Any] = (kernel.get_parent("shell").get("metadata") if kernel else None) or {}
        return metadata.get("cellId")

    def _notebook(self) -> str | None:
        from victor_nb.store.registry import notebook_path

        return notebook_path() or cast("Any", self.shell).user_ns.get("__vsc_ipynb_file__")
