"""In JupyterLab: a cell that is run again, edited, replaces its turn; Run All twice is one conversation."""

from __future__ import annotations

import pytest
from support.lab import Lab, LabPage

pytestmark = pytest.mark.browser

CELLS = (
    "%load_ext victor_nb\n%victor use demo\nimport victor_nb as vn",
    "%%victor\nFirst question",
    "_ = await vn.orchestrator.chat('Second question')",
    "%%victor\nThird question",
    "print([m.content for m in vn.conversation.messages if m.role == 'user'])",
)


def told(page: LabPage) -> str:
    return page.visible_text(4).strip()


def test_a_cell_run_again_replaces_its_turn(lab: Lab) -> None:
    page = lab.open(lab.notebook(*CELLS))
    for _ in range(2):
        page.run_all()
        assert told(page) == "['First question', 'Second question', 'Third question']"
    page.edit(2, "_ = await vn.orchestrator.chat('Another one')")
    page.edit(1, "%%victor\nFirst question, edited")
    for index in (2, 1, 4):
        page.run_cell(index)
    assert told(page) == "['First question, edited', 'Another one', 'Third question']"
    page.save()
    page.reload()
    page.run_cell(3)
    page.run_cell(4)
    assert told(page) == "['First question, edited', 'Another one', 'Third question']"
