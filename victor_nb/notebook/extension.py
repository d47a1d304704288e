"""Loading and unloading. Loading registers magics, formatters and completion; it imports nothing heavy."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any, cast

from victor_nb import host
from victor_nb.notebook.answers import formatters
from victor_nb.notebook.grammar import completion
from victor_nb.notebook.kernel.kernel_host import KernelHost
from victor_nb.notebook.kernel.recording import begin
from victor_nb.notebook.magics import VictorMagics

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_BARE = re.compile(r"%%victor(\s|$)")


def load(shell: InteractiveShell) -> None:
    begin(shell)
    kernel_host = KernelHost(shell)
    host.lend(kernel_host)
    kernel_host.executions.watch()
    shell.register_magics(VictorMagics(kernel_host))
    formatters.register(shell)
    completion.register(shell)
    _clean_ups(shell).append(give_a_body)


def unload(shell: InteractiveShell) -> None:
    """Remove the magics; let exporters deliver what is pending and close the session."""
    for kind in ("line", "cell"):
        cast("Any", shell).magics_manager.magics[kind].pop("victor", None)
    formatters.unregister(shell)
    completion.unregister(shell)
    _clean_ups(shell)[:] = [other for other in _clean_ups(shell) if other is not give_a_body]
    if panels := sys.modules.get("victor_nb.notebook.panels.frame"):
        panels.close_panel()
    if session := sys.modules.get("victor_nb.session"):
        session.current().close()
        session.set_current(None)
    kernel_host = host.lent()
    if isinstance(kernel_host, KernelHost):
        kernel_host.executions.unwatch()
    host.lend(None)


def give_a_body(lines: list[str]) -> list[str]:
    """IPython refuses a cell magic with nothing below it before the magic is asked, and advises the line magic; with
    an empty line there, the magic can say itself what is missing."""
    if lines and _BARE.match(lines[0]) and not any(line.strip() for line in lines[1:]):
        return [lines[0].rstrip("\n") + "\n", "\n"]
    return lines


give_a_body.has_side_effects = True  # type: ignore[attr-defined]  # a terminal must not take the first line for a whole cell


def _clean_ups(shell: InteractiveShell) -> list[Any]:
    return shell.input_transformers_cleanup
