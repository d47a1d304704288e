"""Loading and unloading. Loading registers the magics and lends the shell; it imports nothing heavy."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from victor_nb import host
from victor_nb.notebook.kernel_host import KernelHost
from victor_nb.notebook.magics import VictorMagics

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def load(shell: InteractiveShell) -> None:
    kernel_host = KernelHost(shell)
    host.lend(kernel_host)
    shell.register_magics(VictorMagics(kernel_host))


def unload(shell: InteractiveShell) -> None:
    """Remove the magics; let exporters deliver what is pending and close the session."""
    host.lend(None)
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop("victor", None)
    if session := sys.modules.get("victor_nb.session"):
        session.current().close()
        session.set_current(None)
