"""What stands in between the models of a kernel and who asks them. Which cassette it has is decided at the first
request: by then more cells have been executed, which tell notebooks of the same beginning apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from victor_nb.models.taping import AskVectors, Build, Redact
from victor_nb.protocols import IChatModel
from victor_nb.testing.cassettes.cassette import Cassette
from victor_nb.testing.cassettes.use import NO_AI, Mode, Tape
from victor_nb.testing.notebooks.late_model import LateModel
from victor_nb.testing.notebooks.live_cells import LiveCells

if TYPE_CHECKING:
    from victor_nb.testing.notebooks.recordings import Recordings


class KernelTape(Tape):
    """Of `recordings`, whose cassette it uses."""

    gives_way = True

    def __init__(self, recordings: Recordings, mode: Mode, pace: float | None) -> None:
        super().__init__(None, mode, pace, exporters=recordings.export())
        self._recordings = recordings

    @property
    def cassette(self) -> Cassette:
        return self._recordings.cassette()

    async def model(self, named: str | None, build: Build, redact: Redact | None = None) -> IChatModel:
        if named in (None, NO_AI) or not self._recordings.is_open_which():
            return await self._made(named, build, redact)
        return LateModel(named, partial(self._made, named, build, redact))

    async def embed(
        self, named: str, texts: Sequence[str], ask: AskVectors, redact: Redact | None = None
    ) -> list[list[float]]:
        if self._recordings.is_live_cell():
            return await ask(texts)
        return await super().embed(named, texts, ask, redact)

    async def _made(self, named: str | None, build: Build, redact: Redact | None = None) -> IChatModel:
        model = await super().model(named, build, redact)
        return model if model.provider == NO_AI else LiveCells(model, build, self._recordings.is_live_cell)
