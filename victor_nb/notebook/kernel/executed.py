"""What a kernel can say of the notebook that it runs: the cells so far, who sends them, and its file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from victor_nb.host import lent
from victor_nb.notebook.kernel.executions import cell_id_of
from victor_nb.notebook.kernel.kernel_host import KernelHost, notebook_of
from victor_nb.testing.notebooks.kernel import RunningCell

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


class Executed:
    """Of `shell`, as `IKernel` has it. Who sends cells is told by the one that runs when this is made."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell: Any = shell
        request = self._request()
        content: Mapping[str, Any] = request.get("content") or {}
        self._in_batch = content.get("allow_stdin") is False and not cell_id_of(request.get("metadata") or {})

    def executed(self) -> Sequence[str]:
        history: list[str] = self._shell.history_manager.input_hist_raw[1:]
        return [source for source in history if source.strip()]

    def in_batch(self) -> bool:
        return self._in_batch

    def notebook(self) -> Path | None:
        path = notebook_of(self._shell)
        return Path(path) if path and path.endswith(".ipynb") else None

    def running(self) -> RunningCell | None:
        """None for what no cell has started."""
        host = lent()
        if isinstance(host, KernelHost):
            execution = host.executions.current()
            request: Mapping[str, Any] = execution.request if execution else {}
        else:
            request = self._request()
        content: Mapping[str, Any] = request.get("content") or {}
        code = content.get("code")
        return RunningCell(code, cell_id_of(request.get("metadata") or {})) if isinstance(code, str) else None

    def _request(self) -> Mapping[str, Any]:
        kernel = getattr(self._shell, "kernel", None)
        return cast("Mapping[str, Any]", kernel.get_parent("shell") or {}) if kernel else {}
