"""The cassette of a kernel. It tells by a file what it gave and what was missing: what a notebook does with an error is
its own business, but not whether the test passes.
"""

from __future__ import annotations

import json
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path

from victor_nb.testing.cassettes.answer import Answer
from victor_nb.testing.cassettes.cassette import Cassette
from victor_nb.testing.cassettes.form import Take
from victor_nb.testing.cassettes.use import Mode
from victor_nb.testing.cassettes.verify import changed, told


@dataclass(frozen=True)
class KernelReport:
    """`unused_numbers` say which recordings nothing asked for, the first is 1. `missing` is the text of the first
    error; `changed` and `reworded` tell what a model says otherwise than it was recorded, which fails and which does
    not. Tokens and dollars are those of answers that were replayed."""

    replayed: int = 0
    recorded: int = 0
    verified: int = 0
    unused: int = 0
    unused_numbers: tuple[int, ...] = ()
    missing: str = ""
    changed: str = ""
    reworded: str = ""
    tokens: int = 0
    cost_usd: float = 0.0


class KernelCassette(Cassette):
    """Tells `report` of every answer, and writes what it records to `to`, or nowhere until `keep` is called. Without a
    report, an answer that a verified model gives otherwise is told where it is asked for."""

    def __init__(self, path: Path, mode: Mode, report: Path | None = None, to: Path | None = None) -> None:
        super().__init__(path)
        self._mode: Mode = mode
        self._report = report
        self._to = to
        self._tell()

    def keep(self) -> None:
        """Write what was recorded, and from now on whatever comes.

        Raises:
            CassetteError: the file cannot be written.
        """
        self._to = self.path
        self._save()

    def verify(self, take: Take, now: Answer) -> None:
        before = len(self.differences)
        super().verify(take, now)
        found = self.differences[before:]
        if self._report or not found:
            return
        if words := told(found, self.path.name, fail=False):
            warnings.warn(words, UserWarning, stacklevel=2)
        if calls := told(found, self.path.name, fail=True):
            raise changed(calls)

    def noted(self) -> None:
        self._save()
        self._tell()

    def report(self) -> KernelReport:
        given = [] if self._mode == "verify" else self.given
        return KernelReport(
            replayed=len(given),
            recorded=self.recorded,
            verified=self.replayed - len(given),
            unused=self.unused_count,
            unused_numbers=tuple(self.unused_numbers),
            missing=str(self.lack or ""),
            changed=told(self.differences, self.path.name, fail=True),
            reworded=told(self.differences, self.path.name, fail=False),
            tokens=sum(take.answer.reply.usage.total_tokens for take in given),
            cost_usd=sum(take.answer.reply.cost_usd or 0.0 for take in given),
        )

    def _save(self) -> None:
        if self._to and self._mode in ("record", "rewrite"):
            self.save(anew=self._mode == "rewrite", to=self._to)

    def _tell(self) -> None:
        if not self._report:
            return
        draft = self._report.with_suffix(".part")
        draft.write_text(json.dumps(asdict(self.report())), encoding="utf-8")
        draft.replace(self._report)
