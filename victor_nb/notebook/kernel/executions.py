"""Which run of which cell a piece of code belongs to. A run is noted when IPython begins it, in a context variable:
what the cell awaits, starts or hands to the loop thread finds it there, whatever else the kernel runs meanwhile.

The key of a cell is what its front end calls it; where it says nothing, what stands in the cell.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


@dataclass
class Execution:
    """One run of a cell. `key` is the same each time it runs, `id` never; `count` is the number that it shows, `number`
    counts from the cell that loads the extension, and `request` is the message that asked for it."""

    id: str | None
    key: str | None
    cell_id: str | None
    count: int | None = None
    number: int = 0
    request: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)
    depth: int = 0
    over: bool = False


_current: ContextVar[Execution | None] = ContextVar("victor_nb_execution", default=None)


def leave_cell() -> None:
    """What the calling task does from now on belongs to no cell, whichever one started it."""
    _current.set(None)


class Executions:
    """The runs of one shell's cells."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._running: dict[str | None, Execution] = {}
        self._seen: Counter[str] = Counter()
        self._begun = 0

    def watch(self) -> None:
        """Note every run from now on, and the one that this call is part of."""
        self._shell.events.register("pre_run_cell", self._begin)
        self._shell.events.register("post_run_cell", self._end)
        if getattr(self._shell.displayhook, "exec_result", None) is not None:
            self._begin()

    def unwatch(self) -> None:
        self._shell.events.unregister("pre_run_cell", self._begin)
        self._shell.events.unregister("post_run_cell", self._end)

    def current(self) -> Execution | None:
        """The run that the calling code belongs to; it may be over. None for a thread of the user's, and for what no
        cell has started."""
        execution = _current.get()
        if execution and not execution.over:
            result: Any = getattr(self._shell.displayhook, "exec_result", None)
            execution.count = result.execution_count if result else execution.count
        return execution

    def _begin(self, *_: Any) -> None:
        request = self.request()
        execution = self._running.get(_id_of(request))
        if execution:
            execution.depth += 1  # a cell that runs another by `run_cell` is one run
            return
        self._begun += 1
        execution = self._execution(request)
        execution.number = self._begun
        self._running[execution.id] = execution
        _current.set(execution)

    def _end(self, result: Any = None, *_: Any) -> None:
        execution = self._running.get(_id_of(self.request()))
        if execution and execution.depth:
            execution.depth -= 1
        elif execution:
            execution.over = True
            execution.count = getattr(result, "execution_count", None) or execution.count
            del self._running[execution.id]
            _current.set(None)

    def _execution(self, request: Mapping[str, Any]) -> Execution:
        cell_id = cell_id_of(request.get("metadata") or {})
        content: Mapping[str, Any] = request.get("content") or {}
        if cell_id or not content:
            return Execution(_id_of(request), f"cell:{cell_id}" if cell_id else None, cell_id, request=request)
        source = hashlib.sha256(str(content.get("code", "")).strip().encode(errors="replace")).hexdigest()[:32]
        self._seen[source] += 1
        again = "" if content.get("allow_stdin") else f"#{self._seen[source]}"
        return Execution(_id_of(request), f"source:{source}{again}", None, request=request)

    def request(self) -> Mapping[str, Any]:
        """The message that asked for what runs now; empty in a terminal."""
        kernel: Any = getattr(self._shell, "kernel", None)
        return (kernel.get_parent("shell") if kernel else None) or {}


def cell_id_of(metadata: Mapping[str, Any]) -> str | None:
    """What the front end calls the cell. JupyterLab and Notebook 7 send its id as `cellId`, VS Code its URI under the
    same name, Colab its id in a block of its own; nbclient (nbmake, papermill, nbconvert) and consoles send nothing."""
    colab = metadata.get("colab")
    found = metadata.get("cellId")
    if not found and isinstance(colab, Mapping):
        found = cast("Mapping[str, Any]", colab).get("cell_id")
    return found if isinstance(found, str) and found else None


def _id_of(request: Mapping[str, Any]) -> str | None:
    header: Mapping[str, Any] = request.get("header") or {}
    return header.get("msg_id")
