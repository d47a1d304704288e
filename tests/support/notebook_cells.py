"""Cells that run, without a kernel: what an orchestrator is told of them."""

from __future__ import annotations

from victor_nb.agent.recorder import TurnOrigin


class Cells:
    """A notebook that says which cell runs, and for the how-many-eth time."""

    def __init__(self) -> None:
        self.now = TurnOrigin()
        self.runs = 0

    def run(self, key: str) -> None:
        self.runs += 1
        self.now = TurnOrigin(cell_id=key, key=key, execution=str(self.runs))
