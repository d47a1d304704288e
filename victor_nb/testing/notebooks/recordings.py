"""What models of a kernel answer from: themselves, or recordings, in one of the modes. Begun by the environment, or by
a batch run of a notebook that has recordings; changed by `%victor cassette`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from victor_nb.testing.notebooks.finding import Finder, Found
from victor_nb.testing.notebooks.matching import reached
from victor_nb.testing.notebooks.notebook_file import MAY_FAIL
from victor_nb.testing.notebooks.tags import LIVE, tags_of

if TYPE_CHECKING:
    from victor_nb.testing.cassettes.cassette import Cassette
    from victor_nb.testing.cassettes.use import Mode
    from victor_nb.testing.notebooks.kernel import IKernel
    from victor_nb.testing.notebooks.kernel_cassette import KernelCassette

MODE: Final = "VICTOR_CASSETTE_MODE"
REPORT: Final = "VICTOR_CASSETTE_REPORT"
DRAFT: Final = "VICTOR_CASSETTE_DRAFT"


class Recordings:
    """Of one kernel; of none in a script, to which only the environment can give a cassette."""

    def __init__(self, kernel: IKernel | None, environment: Mapping[str, str] = os.environ) -> None:
        self._kernel = kernel
        self._environment = environment
        self._finder = Finder(kernel, environment)
        self._place: Found | None = None
        self._cassette: KernelCassette | None = None
        self._failed = False
        self.mode: Mode = "live"
        self.pace: float | None = None

    def begin(self) -> None:
        """As the environment says. Without it a notebook that is run in batch replays, if it has recordings, and in a
        test run also if others beside it have; in an interactive one models answer themselves.

        Raises:
            UsageError: there is no such mode.
            CassetteError: the file cannot be read; recording under CI.
        """
        mode = self._first_mode()
        if mode != "live":
            self._stand_in(mode, None)
            if not self.is_open_which():
                self.cassette()  # what is wrong with it is told now

    @property
    def is_led(self) -> bool:
        """Whether a test run leads: it says what the mode is, and what a cell says of it is for readers."""
        return bool(self._environment.get(REPORT))

    def is_open_which(self) -> bool:
        """Whether more cells must be executed to tell which notebook this is."""
        found = self._finder
        return self._place is None and not found.told and found.in_batch and len(found.candidates()) != 1

    def switch(self, mode: str, pace: float | None = None) -> None:
        """From now on. What was recorded so far is on disk.

        Raises:
            CassetteError: it cannot be told where the recordings are, the file cannot be read, or recording under CI.
        """
        from victor_nb.testing.cassettes.use import checked_mode, checked_pace

        wanted, pace = checked_mode(mode), checked_pace(pace)
        before = self._cassette
        self._cassette = None if wanted == "live" else self._opened(wanted)
        if before is not None and self._finder.in_batch:
            self._keep(before)
        self._stand_in(wanted, pace)

    def _stand_in(self, mode: Mode, pace: float | None) -> None:
        from victor_nb.models import taping

        self.mode, self.pace = mode, pace
        if mode == "live":
            taping.set_tape(None)
            return
        from victor_nb.testing.notebooks.kernel_tape import KernelTape

        taping.set_tape(KernelTape(self, mode, pace))

    def _first_mode(self) -> Mode:
        if self._finder.told or (self._kernel is not None and self._environment.get(MODE)):
            from victor_nb.testing.cassettes.use import checked_mode

            return checked_mode(self._environment.get(MODE))
        if not self._finder.in_batch:
            return "live"
        if self._finder.may_be_recorded():
            return "replay"
        return "replay" if self._finder.has_folder() and self._is_test_run() else "live"

    def _is_test_run(self) -> bool:
        from victor_nb.models.detect import in_test_run

        return in_test_run(self._environment)

    @property
    def place(self) -> Found:
        """
        Raises:
            CassetteError: it cannot be told which notebook this is.
        """
        if self._place is None:
            self._place = self._finder.place()
        return self._place

    def cassette(self) -> KernelCassette:
        """The one in use, opened at the first call.

        Raises:
            CassetteError: it cannot be told which it is, or read.
        """
        if self._cassette is None:
            self._cassette = self._opened(self.mode)
        return self._cassette

    def peek(self) -> Cassette:
        """The one in use, or what its file holds; nothing is opened for it.

        Raises:
            CassetteError: it cannot be told which it is, or read.
        """
        from victor_nb.testing.cassettes.cassette import Cassette

        return self._cassette or Cassette(self.place.cassette)

    def _opened(self, mode: Mode) -> KernelCassette:
        from victor_nb.testing.cassettes.file import check_writable
        from victor_nb.testing.notebooks.kernel_cassette import KernelCassette

        path = self.place.cassette
        given = {name: Path(self._environment[name]) for name in (REPORT, DRAFT) if self._environment.get(name)}
        report, draft = (given.get(REPORT), given.get(DRAFT)) if self._kernel else (None, None)
        at_once = None if self._finder.in_batch or DRAFT in given else path
        if mode in ("record", "rewrite"):
            check_writable(path)
        return KernelCassette(path, mode, report, draft or at_once)

    def export(self) -> bool | None:
        """Whether exporters deliver in a replay, where the notebook says so."""
        notebook = None if self.is_open_which() else self.place.notebook
        return True if notebook is not None and notebook.exports else None

    def is_live_cell(self) -> bool:
        """Whether what asks now stands in a cell that is tagged to ask the real model."""
        return LIVE in self._tags()

    def _tags(self) -> frozenset[str]:
        running = self._kernel.running() if self._kernel else None
        notebook = self._place.notebook if self._place else None
        if running is None or notebook is None or self._kernel is None:
            return frozenset()
        return tags_of(notebook, running, self._kernel.executed())

    def cell_ended(self, *, well: bool) -> None:
        """For who runs the cells. In a batch run a recording is kept when all cells have run, and none has failed but
        those that may."""
        self._failed = self._failed or not (well or MAY_FAIL in self._tags())
        if self._cassette is not None and self._is_whole():
            self._keep(self._cassette)

    def kernel_ends(self) -> None:
        """Where no notebook tells which cell is the last: what was recorded is kept if no cell has failed."""
        if self._cassette is not None and self._place and self._place.notebook is None:
            self._keep(self._cassette)

    def _is_whole(self) -> bool:
        notebook = self._place.notebook if self._place else None
        if notebook is None or self._kernel is None or not self._finder.in_batch:
            return False
        return reached(notebook, self._kernel.executed()) == len(notebook.cells)

    def _keep(self, cassette: KernelCassette) -> None:
        if not self._failed and not self._environment.get(DRAFT):
            cassette.keep()


_here: Recordings | None = None


def here() -> Recordings:
    """Those of this process. Where nothing has begun them, models answer themselves."""
    return _here or Recordings(None)


def set_here(recordings: Recordings) -> None:
    """Make them this process's."""
    global _here  # noqa: PLW0603 (a process has one kernel)
    _here = recordings
