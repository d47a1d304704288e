"""How answers look: legible in both themes, whole in a notebook that is not trusted, and in a page without a server."""

from __future__ import annotations

from pathlib import Path

import pytest
from nbconvert import HTMLExporter
from support.contrast import contrasts
from support.lab import Lab, LabPage, trusted, untrusted_copy
from support.lab_answers import FRIENDLY, talk

pytestmark = pytest.mark.browser

THEMES = ["JupyterLab Light", "JupyterLab Dark", "JupyterLab Dark High Contrast"]


TURNS = """
%load_ext victor_nb
import victor_nb as vn
from victor_nb.errors import ModelRequestError
from victor_nb.testing import ScriptedModel
await vn.orchestrator.use_model(ScriptedModel("One.", ModelRequestError("overloaded")))
await vn.orchestrator.chat("Fine")
try:
    await vn.orchestrator.chat("Fails")
except ModelRequestError:
    pass
"""
PANELS = {"chat": "Fine", "context": "assistant", "analytics": "1 failed"}
WHOLE = """
const whole = document.querySelector('.victor-nb-answer');
const shown = selector => [...whole.querySelectorAll(selector)].filter(e => e.getBoundingClientRect().height).length;
return {
  headings: shown('h2'), rows: shown('tr'), code: shown('pre .k'), folded: shown('summary'), items: shown('li'),
  links: shown('a[href^="https://pandas"]'), footer: whole.querySelector('.footer').innerText,
};
"""
FOOTER = "gpt-5-mini · 1,520 in (1,024 cached) + 345 out tokens · $0.0012 · 0.8 s"
SHOWN = {"headings": 1, "rows": 4, "code": 3, "folded": 2, "items": 5, "links": 1, "footer": FOOTER}


@pytest.fixture
def answered(lab: Lab) -> LabPage:
    """A saved notebook with an answer."""
    page = lab.open(lab.notebook(talk(FRIENDLY)), fresh=True)
    page.run_all()
    page.save()
    return page


def too_faint(page: LabPage) -> dict[str, float]:
    return {
        name: ratio for name, ratio in contrasts(page, ".victor-nb-answer *, .victor-nb-panel *").items() if ratio < 4.5
    }


def test_answers_and_panels_are_legible_in_every_theme(lab: Lab) -> None:
    page = lab.open(lab.notebook(talk(FRIENDLY), TURNS, *(f"%victor panel {tab}" for tab in PANELS)), fresh=True)
    page.run_all()
    page.js("panel.node.querySelectorAll('details').forEach(one => one.open = true); return true")
    assert set("kscmfb") <= {name[-1] for name in contrasts(page, "pre span")}
    faint: dict[tuple[str, str], float] = {}
    for cell, (tab, wanted) in enumerate(PANELS.items(), 2):
        page.run_cell(cell)
        page.wait_until(lambda cell=cell, wanted=wanted: wanted in page.visible_text(cell), what=wanted)
        for theme in THEMES:
            page.theme(theme)
            faint |= {(f"{theme}, {tab}", name): ratio for name, ratio in too_faint(page).items()}
    assert faint == {}


def test_an_answer_is_whole_untrusted_and_without_a_server(answered: LabPage, lab: Lab, tmp_path: Path) -> None:
    assert answered.js(WHOLE) == SHOWN
    stranger = lab.open(untrusted_copy(answered.path), fresh=True)
    assert not trusted(stranger)
    assert stranger.js(WHOLE) == SHOWN
    (tmp_path / "page.html").write_text(HTMLExporter().from_filename(str(answered.path))[0], encoding="utf-8")
    assert lab.read((tmp_path / "page.html").as_uri(), WHOLE) == SHOWN
