"""A notebook is executed from its first cell to its last, by nbclient. What it shows is compared with what is saved of
it, or saved in its place.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from victor_nb.errors import MissingExtraError, UsageError
from victor_nb.testing.notebooks.comparison import first_difference
from victor_nb.testing.notebooks.notebook_file import read
from victor_nb.testing.notebooks.saved import settle
from victor_nb.testing.notebooks.trial import Trial, mishap, trial

_COLOURS: Final = re.compile(r"\x1b\[[0-9;]*m")
_SHOWN_LINES: Final = 12


@dataclass(frozen=True)
class Wish:
    """How notebooks shall be run. `timeout_s` is that of each cell."""

    mode: str = "replay"
    timeout_s: int = 300
    write: bool = False
    check: bool = False


@dataclass(frozen=True)
class Verdict:
    """`failure` is why it has not passed, in some lines; empty when it has."""

    path: Path
    seconds: float
    failure: str
    report: Mapping[str, Any] = field(default_factory=dict[str, Any])


def executed(path: Path, wish: Wish) -> Verdict:
    """Run the notebook `path`. A recording is kept, and outputs are written, when it has passed.

    Raises:
        MissingExtraError: nbclient is not installed.
        UsageError: the file is no notebook.
    """
    if not (notebook := read(path)):
        raise UsageError(f"{path} is no notebook that can be read.")
    began = time.perf_counter()
    with trial(path, notebook.cassette, wish.mode) as run:
        failure = _run(path, run, wish)
        report = run.report()
        if found := mishap(report):
            failure = found.told(f"victor-nb run --mode {found.mode} {path}")
        if not failure:
            run.keep()
    return Verdict(path, time.perf_counter() - began, failure, report)


def _run(path: Path, run: Trial, wish: Wish) -> str:
    """Why it has failed."""
    nbformat, before = _library("nbformat"), path.read_text(encoding="utf-8")
    try:
        saved, notebook = (nbformat.reads(before, as_version=4) for _ in range(2))
    except Exception as error:  # noqa: BLE001 (whatever nbformat makes of a file that is none)
        return f"it is no notebook that can be read: {error}"
    if failure := _execute(notebook, path, run, wish):
        return failure
    if wish.check and (failure := first_difference(saved.cells, notebook.cells)):
        return failure
    if wish.write:
        nbformat.write(notebook, path)
        settle(path, before)
    return ""


def _execute(notebook: Any, path: Path, run: Trial, wish: Wish) -> str:
    at = 0

    def note(cell_index: int, **_: object) -> None:
        nonlocal at
        at = cell_index

    nbclient, kernelspec = _library("nbclient"), _library("jupyter_client.kernelspec")
    client: Any = nbclient.NotebookClient(
        notebook,
        kernel_name=notebook.metadata.get("kernelspec", {}).get("name", "python3"),
        timeout=wish.timeout_s,
        record_timing=False,
        on_cell_execute=note,
    )
    variables = {name: value for name, value in {**os.environ, **run.environment}.items() if value is not None}
    where: dict[str, Any] = {"cwd": str(path.parent), "env": variables}
    try:
        with run.log.open("wb") as log:
            asyncio.run(client.async_execute(**where, stdout=log, stderr=log))
    except nbclient.exceptions.CellExecutionError as error:
        return _told(notebook, at, f"{error.ename}: {error.evalue}" if error.evalue else error.ename)
    except nbclient.exceptions.CellTimeoutError:
        return _told(notebook, at, f"was not done after {wish.timeout_s} s")
    except nbclient.exceptions.DeadKernelError:
        return _told(notebook, at, f"the kernel has died\n{run.log.read_text(encoding='utf-8', errors='replace')}")
    except kernelspec.NoSuchKernel as error:
        return f"there is no kernel {error.name!r}: jupyter kernelspec list tells which there are"
    return ""


def _library(name: str) -> Any:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"running notebooks needs {error.name}.", hint='pip install "victor-nb[lab]"') from None


def _told(notebook: Any, index: int, what: str) -> str:
    """Which cell, by its number among all; and what happened, without colours and the rest of a long text."""
    lines = _COLOURS.sub("", what).strip().splitlines()[:_SHOWN_LINES]
    first = next(iter(str(notebook.cells[index].source).strip().splitlines()), "")
    return "\n".join([f"cell {index + 1}: {first}", *lines])
