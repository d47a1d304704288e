"""A cassette for the length of a kernel, as pytest's plugin asks for it through the environment. The kernel tells by a
file what it gave and what was missing: what a notebook does with an error is its own business, but not whether the test
passes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from victor_nb.models import taping
from victor_nb.testing.cassettes.cassette import Cassette
from victor_nb.testing.cassettes.file import check_writable
from victor_nb.testing.cassettes.missing import missing
from victor_nb.testing.cassettes.use import Mode, Tape, checked_mode
from victor_nb.testing.cassettes.verify import told

CASSETTE: Final = "VICTOR_CASSETTE"
REPORT: Final = "VICTOR_CASSETTE_REPORT"
DRAFT: Final = "VICTOR_CASSETTE_DRAFT"


@dataclass(frozen=True)
class KernelReport:
    """`missing` is the text of the first error; `changed` and `reworded` tell what a model says otherwise than it was
    recorded, which fails and which does not. Tokens and dollars are those of answers that were replayed."""

    replayed: int = 0
    recorded: int = 0
    verified: int = 0
    unused: int = 0
    missing: str = ""
    changed: str = ""
    reworded: str = ""
    tokens: int = 0
    cost_usd: float = 0.0


def start(environment: Mapping[str, str] = os.environ) -> None:
    """Stand in between from now on, if the environment names a cassette.

    Raises:
        UsageError: there is no such mode.
        CassetteError: the file cannot be read; recording under CI.
    """
    if not (path := environment.get(CASSETTE)) or taping.tape() is not None:
        return
    mode = checked_mode(environment.get("VICTOR_CASSETTE_MODE"))
    if mode != "live":
        if mode in ("record", "rewrite"):
            check_writable(Path(path))
        report, draft = (Path(environment[name]) if name in environment else None for name in (REPORT, DRAFT))
        taping.set_tape(Tape(KernelCassette(Path(path), mode, report, draft), mode))


class KernelCassette(Cassette):
    """Tells `report` of every answer, and keeps what it records in `draft` until the test has passed."""

    def __init__(self, path: Path, mode: Mode, report: Path | None, draft: Path | None) -> None:
        super().__init__(path)
        self._mode = mode
        self._report = report
        self._draft = draft
        self._told()

    def noted(self) -> None:
        if self._draft and self._mode in ("record", "rewrite"):
            self.save(anew=self._mode == "rewrite", to=self._draft)
        self._told()

    def _told(self) -> None:
        if not self._report:
            return
        given = [] if self._mode == "verify" else self.given
        report = KernelReport(
            replayed=len(given),
            recorded=self.recorded,
            verified=self.replayed - len(given),
            unused=len(self.unused),
            missing=str(missing(self.missing[0], self.takes, self.path.name)) if self.missing else "",
            changed=told(self.differences, self.path.name, fail=True),
            reworded=told(self.differences, self.path.name, fail=False),
            tokens=sum(take.answer.reply.usage.total_tokens for take in given),
            cost_usd=sum(take.answer.reply.cost_usd or 0.0 for take in given),
        )
        draft = self._report.with_suffix(".part")
        draft.write_text(json.dumps(asdict(report)), encoding="utf-8")
        draft.replace(self._report)
