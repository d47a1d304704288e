"""Answers in a real JupyterLab: they stream, are typeset, and stay."""

from __future__ import annotations

import pytest
from support.lab import Lab
from support.lab_answers import FRIENDLY, talk

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("sole", [True, False])
def test_an_answer_is_visible_while_its_cell_runs_and_one_output_afterwards(lab: Lab, sole: bool) -> None:
    page = lab.open(lab.notebook(talk(FRIENDLY, sole=sole, pause=0.02)))
    page.run_cell(0, wait=False)
    page.wait_until(lambda: "most missing values" in page.visible_text(0))
    assert page.busy
    page.wait_idle()
    shown = [output for output in page.outputs(0) if output.get("data")]
    assert [sorted(output["data"]) for output in shown] == [["text/html", "text/plain"]]
    assert len(page.outputs(0)) == 1 or not sole
    assert "1,520 in (1,024 cached) + 345 out tokens · $0.0012 · 0.8 s" in page.visible_text(0)
    assert ("printed by the tool" in page.visible_text(0)) is not sole


def test_formulas_are_typeset_and_prices_are_not(lab: Lab) -> None:
    page = lab.open(lab.notebook(talk(FRIENDLY)))
    page.run_all()
    page.wait_until(lambda: page.js("return cell(0).node.querySelectorAll('mjx-container').length"))
    assert page.js("return cell(0).node.querySelectorAll('mjx-container').length") == 2
    assert "it costs $5 or $6" in page.visible_text(0)


def test_an_answer_survives_a_restart_and_a_reload(lab: Lab) -> None:
    page = lab.open(lab.notebook(talk(FRIENDLY)))
    page.run_all()
    page.restart()
    page.reload()
    page.wait_until(lambda: "Missing values by column" in page.visible_text(0))
    assert page.js("return cell(0).node.querySelectorAll('pre .k').length") > 2
