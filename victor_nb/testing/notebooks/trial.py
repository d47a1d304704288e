"""One run of a notebook under test: what its kernel is told by the environment, and what it tells of the answers that
it got. Only the standard library is imported.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

MODES: Final = ("replay", "record", "rewrite", "verify", "live")
MODE: Final = "VICTOR_CASSETTE_MODE"
COUNTED: Final = ("replayed", "recorded", "verified", "unused", "pruned", "tokens", "cost_usd")
_PREFIX: Final = "victor-nb-"


@dataclass(frozen=True)
class Mishap:
    """What makes a run fail that looks well; asked again in `mode`, it passes. Without one it never does."""

    text: str
    mode: str = ""

    def told(self, command: str) -> str:
        """With the advice to run `command`, where that helps."""
        return f"{self.text}\n\n{command} records it" if self.mode else self.text


@dataclass(frozen=True)
class Trial:
    """`folder` is for the length of the run: the kernel has its store there, its report, and what it records. `log` is
    a file for what it writes outside of cells."""

    notebook: Path
    cassette: Path
    mode: str
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """What the kernel is given besides all else."""
        return {
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
        """A `KernelReport` as JSON; empty when no model was asked."""
        return json.loads(self._report.read_text(encoding="utf-8")) if self._report.is_file() else {}

    def keep(self) -> None:
        """The notebook has passed: what it has recorded stays."""
        if self._draft.is_file():
            self.cassette.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(self._draft, self.cassette)


@contextmanager
def trial(notebook: Path, cassette: Path, mode: str) -> Generator[Trial]:
    """For one run of a notebook; what was not kept is gone at the end."""
    with tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True) as folder:
        yield Trial(notebook, cassette, mode, Path(folder))


def mishap(report: dict[str, Any]) -> Mishap | None:
    """Also when the notebook itself has swallowed the error."""
    if report.get("missing"):
        return Mishap(report["missing"], "" if report.get("unrecordable") else "record")
    return Mishap(report["changed"], "rewrite") if report.get("changed") else None


def told(reports: list[dict[str, Any]]) -> str:
    """What was replayed and saved in several runs, in a line; empty when no model was asked."""
    total = {name: sum(one.get(name, 0) for one in reports) for name in COUNTED}
    missing = sum(bool(one.get("missing")) for one in reports)
    if not (total["replayed"] or total["recorded"] or total["verified"] or missing):
        return ""
    parts = [f"{total['replayed']} answers replayed"]
    parts += [f"{total['verified']} verified"] if total["verified"] else []
    parts += [f"{total['recorded']} recorded"] if total["recorded"] else []
    parts += [f"{missing} notebooks asked for more"] if missing else []
    parts += [f"{total['unused']} unused"] if total["unused"] else []
    parts += [f"{total['pruned']} unused ones removed"] if total["pruned"] else []
    return f"{', '.join(parts)}; {total['tokens']:,} tokens and ${total['cost_usd']:.4f} saved"
