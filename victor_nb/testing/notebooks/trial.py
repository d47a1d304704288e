"""One run of a notebook under test: what its kernel is told by the environment, and what it tells of the answers that
it got. Nothing but the standard library and `isolation` is imported ahead of a recording.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from victor_nb import isolation

MODES: Final = ("replay", "record", "rewrite", "verify", "live")
MODE: Final = "VICTOR_CASSETTE_MODE"
COUNTED: Final = ("replayed", "recorded", "verified", "unused", "pruned", "tokens", "cost_usd")
_PREFIX: Final = "victor-nb-"
_PLACES: Final = ("VICTOR_HOME", "VICTOR_STORE")
"""Every run has its own."""


@dataclass(frozen=True)
class Mishap:
    """What makes a run fail that looks well; asked again in `mode`, it passes."""

    text: str
    mode: str

    def told(self, command: str) -> str:
        """With the advice to run `command`."""
        return f"{self.text}\n\n{command} records it"


@dataclass(frozen=True)
class Trial:
    """`folder` is for the length of the run: the kernel has its store there, its report, and what it records. `log` is
    a file for what it writes outside of cells; `hidden` are variables of the environment that the kernel has not."""

    notebook: Path
    cassette: Path
    mode: str
    folder: Path
    hidden: Sequence[str] = ()

    @property
    def environment(self) -> dict[str, str | None]:
        """What the kernel is given besides all else; None is a variable that it has not. But in `live` settings are
        those of the notebook and of its project, so that it is the same on every machine."""
        return {
            **dict.fromkeys(self.hidden),
            isolation.VARIABLE: _isolation(self.mode) or os.environ.get(isolation.VARIABLE),
            "VICTOR_CASSETTE": str(self.cassette.absolute()),
            "VICTOR_CASSETTE_NOTEBOOK": str(self.notebook.absolute()),
            MODE: self.mode,
            "VICTOR_HOME": str(self.folder / "home"),
            "VICTOR_CASSETTE_REPORT": str(self._report),
            "VICTOR_CASSETTE_DRAFT": str(self._draft),
        }

    @property
    def _report(self) -> Path:
        return self.folder / "report.json"

    @property
    def _draft(self) -> Path:
        return self.folder / "draft.json"

    @property
    def log(self) -> Path:
        return self.folder / "kernel.log"

    def report(self) -> dict[str, Any]:
        """A `KernelReport` as JSON, without all this when no model was asked; `hidden` tells settings of the
        environment that did not count."""
        told: dict[str, Any] = json.loads(self._report.read_text(encoding="utf-8")) if self._report.is_file() else {}
        hidden = [name for name in self.hidden if name not in _PLACES]
        return {**told, "hidden": hidden} if hidden else told

    def keep(self) -> None:
        """The notebook has passed: what it has recorded stays, whole or not at all.

        Raises:
            CassetteError: the cassette cannot be written.
        """
        if self._draft.is_file():
            from victor_nb.testing.cassettes.file import write

            text = self._draft.read_bytes().decode("utf-8")
            write(self.cassette, text.replace("\r\n", "\n"), "\r\n" if "\r\n" in text else "\n")


@contextmanager
def trial(notebook: Path, cassette: Path, mode: str) -> Generator[Trial]:
    """For one run of a notebook; what was not kept is gone at the end."""
    with tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True) as folder:
        hidden = isolation.hidden_variables(os.environ, how) if (how := _isolation(mode)) else ()
        yield Trial(notebook, cassette, mode, Path(folder), hidden)


def _isolation(mode: str) -> str | None:
    return None if mode == "live" else "settings" if mode == "replay" else "asking"


def mishap(report: dict[str, Any]) -> Mishap | None:
    """Also when the notebook itself has swallowed the error."""
    if report.get("missing"):
        return Mishap(report["missing"], "record")
    return Mishap(report["changed"], "rewrite") if report.get("changed") else None


def told(reports: list[dict[str, Any]]) -> str:
    """What was replayed and saved in several runs, in a line; empty when no model was asked."""
    total = {name: sum(one.get(name, 0) for one in reports) for name in COUNTED}
    missing = sum(bool(one.get("missing")) for one in reports)
    if not (total["replayed"] or total["recorded"] or total["verified"] or missing):
        return ""
    parts = [f"{total['replayed']} {'answer' if total['replayed'] == 1 else 'answers'} replayed"]
    parts += [f"{total['verified']} verified"] if total["verified"] else []
    parts += [f"{total['recorded']} recorded"] if total["recorded"] else []
    parts += [f"{missing} {'notebook' if missing == 1 else 'notebooks'} asked for more"] if missing else []
    parts += [f"{total['unused']} unused"] if total["unused"] else []
    parts += (
        [f"{total['pruned']} unused {'one' if total['pruned'] == 1 else 'ones'} removed"] if total["pruned"] else []
    )
    return f"{', '.join(parts)}; {total['tokens']:,} tokens and ${total['cost_usd']:.4f} saved"


def unheeded(reports: list[dict[str, Any]]) -> str:
    """Which settings of the environment did not count in several runs, in a line; empty if there were none."""
    names = sorted({name for report in reports for name in report.get("hidden", ())})
    if not names:
        return ""
    what, it = ("is no setting", "it") if len(names) == 1 else ("are no settings", "them")
    return f"{', '.join(names)} {what} of notebooks under test: write {it} into the notebook or pyproject.toml"
