"""`use_cassette`: for the length of a block, models answer from a file, or their answers are recorded to one."""

from __future__ import annotations

import os
import warnings
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Final, Literal, TypeAlias, cast, get_args

from victor_nb.clock import REAL, IClock
from victor_nb.errors import UsageError, did_you_mean
from victor_nb.models import taping
from victor_nb.models.taping import AskVectors, Build, Redact, Replayed
from victor_nb.protocols import IChatModel
from victor_nb.store.memory import InMemoryStore
from victor_nb.testing.cassettes.cassette import Cassette
from victor_nb.testing.cassettes.embedding import embedded
from victor_nb.testing.cassettes.file import check_writable
from victor_nb.testing.cassettes.missing import CassetteError
from victor_nb.testing.cassettes.models import RecordingModel, ReplayingModel, VerifyingModel
from victor_nb.testing.cassettes.recorded_clock import RecordedClock
from victor_nb.testing.cassettes.verify import changed, told

Mode: TypeAlias = Literal["replay", "record", "rewrite", "verify", "live"]
VARIABLE: Final = "VICTOR_CASSETTE_MODE"
EXPORTERS: Final = "VICTOR_CASSETTE_EXPORTERS"
NO_AI: Final = "demo"
_NO: Final = ("", "0", "false")


@contextmanager
def use_cassette(
    path: str | PathLike[str],
    mode: Mode | None = None,
    *,
    pace: float | None = None,
    exporters: bool | None = None,
) -> Generator[Cassette]:
    """Inside of the block, named models and embedders (and the environment's model) answer from the file `path`.

    Models that are handed over as objects without a wire, such as a `ScriptedModel`, and `demo` answer themselves.

    Args:
        mode: `replay` gives recorded answers only, and needs no key; `record` asks the real model what is not recorded
            yet; `rewrite` asks it everything anew; `verify` asks it what is recorded, compares, and gives the recorded
            answer; `live` asks it and records nothing. By default what the environment variable VICTOR_CASSETTE_MODE
            says, and `replay` without it.
        pace: in `replay`, answers take the time that was recorded, divided by this; by default none at all.
        exporters: whether they deliver in `replay`; otherwise they take events, and nothing leaves the process. By
            default what VICTOR_CASSETTE_EXPORTERS says, and False without it.

    In `replay` time and ids are the same in every run, and orchestrators that are made in the block record into a store
    of the block's own, unless one is named to them.

    Raises:
        MissingRecordingError: in the block, when a request is not recorded; and again at its end when something has
            swallowed that, so that a test cannot pass by accident.
        ChangedAnswersError: at the end of `verify`, when the model makes other calls than the recorded ones, or stops
            for another reason. Other words are a warning.
        CassetteError: the file cannot be read or written; recording under CI.
        UsageError: there is no such mode, the pace is no number above 0, or another cassette is in use.
    """
    wanted = checked_mode(mode)
    before = taping.tape()
    if before is not None and not getattr(before, "gives_way", False):
        raise UsageError("another cassette is in use.", hint="end its `with` block first")
    cassette = Cassette(Path(path))
    if wanted in ("record", "rewrite"):
        check_writable(cassette.path)
    tape = Tape(cassette, wanted, checked_pace(pace), exporters=exporters)
    taping.set_tape(None if wanted == "live" else tape)
    try:
        yield cassette
    finally:
        taping.set_tape(before)
    if wanted == "live":
        return
    if error := cassette.lack:
        raise error
    if wanted == "verify":
        _tell_differences(cassette)
    elif wanted != "replay":
        cassette.save(anew=wanted == "rewrite")
    elif cassette.warns:
        _tell_unused(cassette)


def _tell_unused(cassette: Cassette) -> None:
    unused = cassette.unused_count
    was, them = ("was", "it") if unused == 1 else ("were", "them")
    if unused:
        warnings.warn(
            f"{cassette.path.name}: {unused} of {len(cassette.takes)} recordings {was} not asked for; "
            f"{VARIABLE}=rewrite leaves {them} out",
            UserWarning,
            stacklevel=4,
        )


def _tell_differences(cassette: Cassette) -> None:
    if words := told(cassette.differences, cassette.path.name, fail=False):
        warnings.warn(words, UserWarning, stacklevel=4)
    if calls := told(cassette.differences, cassette.path.name, fail=True):
        raise changed(calls)


def checked_pace(pace: float | None) -> float | None:
    """
    Raises:
        UsageError: it is no number above 0.
    """
    if pace is not None and not 0 < pace < float("inf"):
        raise UsageError(f"pace must be a number above 0, not {pace!r}.", hint="1.0 is as recorded, 2.0 twice as fast")
    return pace


def checked_mode(mode: str | None) -> Mode:
    """
    Raises:
        UsageError: there is no such mode.
        CassetteError: it would record under CI.
    """
    wanted = mode or os.environ.get(VARIABLE) or "replay"
    if wanted not in get_args(Mode):
        known = get_args(Mode)
        raise UsageError(
            f"there is no mode {wanted!r}.{did_you_mean(wanted, known)}", hint=f"one of {', '.join(known)}"
        )
    if wanted in ("record", "rewrite") and os.environ.get("CI", "").lower() not in _NO:
        raise CassetteError("recording is refused under CI.", hint="record on your own machine, and commit the file")
    return cast("Mode", wanted)


class Tape:
    """Stands in between with `cassette`. One that `gives_way` may be replaced for the length of a block."""

    gives_way = False

    def __init__(
        self, cassette: Cassette | None, mode: Mode, pace: float | None = None, *, exporters: bool | None = None
    ) -> None:
        self._cassette = cassette
        self._mode: Mode = mode
        self._pace = pace
        self._exporters = exporters
        self._recorded = RecordedClock(skips=pace is None)
        self.clock: IClock = self._recorded if mode == "replay" else REAL

    @property
    def replayed(self) -> Replayed | None:
        return self._own if self._mode == "replay" else None

    @cached_property
    def _own(self) -> Replayed:
        told = os.environ.get(EXPORTERS, "").lower() not in _NO
        return Replayed(InMemoryStore(clock=self._recorded), told if self._exporters is None else self._exporters)

    @property
    def cassette(self) -> Cassette:
        """Asked at each new model, for those who decide late."""
        assert self._cassette is not None
        return self._cassette

    async def model(self, named: str | None, build: Build, redact: Redact | None = None) -> IChatModel:
        if named == NO_AI:
            return await build()
        if self._mode == "replay" and (named is not None or self.cassette.knows(named)):
            return ReplayingModel(self.cassette, named, self._recorded, self._pace, redact)
        model = await build()
        if named is None and model.provider == NO_AI:
            return model  # the environment offers no model, here as when it was recorded
        if self._mode == "replay":
            return ReplayingModel(self.cassette, named, self._recorded, self._pace, redact)
        if self._mode == "verify":
            return VerifyingModel(self.cassette, named, model, redact)
        return RecordingModel(self.cassette, named, model, known=self._mode == "record", redact=redact)

    async def embed(
        self, named: str, texts: Sequence[str], ask: AskVectors, redact: Redact | None = None
    ) -> list[list[float]]:
        return await embedded(self.cassette, self._mode, named, texts, ask, redact)
