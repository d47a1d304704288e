"""The recordings of this kernel, from which its models may answer: begun when the extension is loaded, or when a model
is first asked for without it. `%victor cassette` steers them.
"""

from __future__ import annotations

import atexit
import sys
from typing import TYPE_CHECKING, Any

from victor_nb.notebook.kernel.executed import Executed
from victor_nb.testing.notebooks.recordings import Recordings, here, set_here

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_begun = False


def begin(shell: InteractiveShell | None) -> None:
    """Once: as the environment says, or as a batch run needs it. In a script or terminal there is no kernel.

    Raises:
        UsageError: the environment names a mode that is none.
        CassetteError: the cassette cannot be read; recording under CI.
    """
    global _begun  # noqa: PLW0603 (a process has one kernel)
    if _begun:
        return
    in_kernel = shell is not None and hasattr(shell, "kernel")
    made = Recordings(Executed(shell) if shell and in_kernel else None)
    made.begin()
    _begun = True
    set_here(made)
    atexit.register(made.kernel_ends)
    if shell and in_kernel:
        shell.events.register("post_run_cell", _cell_ended)


def begin_here() -> None:
    """For whoever asks a model where the extension was not loaded."""
    ipython = sys.modules.get("IPython")
    begin(ipython.get_ipython() if ipython else None)


def _cell_ended(result: Any = None) -> None:
    here().cell_ended(well=bool(getattr(result, "success", True)))
