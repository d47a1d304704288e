"""The quickstart in a real JupyterLab: what a newcomer sees, and the README's picture of it.

`VICTOR_UPDATE_SCREENSHOTS=1 pytest tests/docs/test_screenshot.py` takes the picture anew.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from support.lab import Lab, LabPage

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "notebooks" / "01_quickstart.ipynb"
PICTURE = ROOT / "docs" / "images" / "quickstart.png"
FIRST, LAST = "call", "turns"
WINDOW = {"width": 1010, "height": 1400}
UPDATE = "VICTOR_UPDATE_SCREENSHOTS" in os.environ  # read here, for tests see none of our variables


def index_of(cell_id: str) -> int:
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    return [cell["id"] for cell in cells].index(cell_id)


@pytest.fixture(scope="module")
def quickstart(lab_server: Lab) -> LabPage:
    page = lab_server.open(NOTEBOOK, fresh=True)
    lab_server.on_browser(lambda: page.page.set_viewport_size(WINDOW))
    page.js("await window.jupyterapp.commands.execute('application:toggle-left-area'); return 1")
    page.run_all()
    return page


def picture(lab: Lab, page: LabPage) -> bytes:
    """The part of the window from the cell that calls the tool to the frame of turns."""
    page.js(
        "panel.content.activeCellIndex = 0; panel.content.deselectAll();"
        "document.activeElement.blur();"
        f"cell({index_of(FIRST)}).node.scrollIntoView({{block: 'start'}}); return 1"
    )
    top, bottom, left, right = page.js(
        f"const a = cell({index_of(FIRST)}).node.getBoundingClientRect();"
        f"const z = cell({index_of(LAST)}).node.getBoundingClientRect();"
        "return [a.top, z.bottom, a.left, a.right]"
    )
    clip = {"x": left, "y": top, "width": right - left, "height": bottom - top}
    return lab.on_browser(lambda: page.page.screenshot(clip=clip))


@pytest.mark.browser
def test_a_newcomer_sees_answer_tool_call_footer_and_frame(quickstart):
    answer, frame = (quickstart.visible_text(index_of(cell_id)) for cell_id in (FIRST, LAST))
    assert "Here is what the tool gave back" in answer
    assert "Bergen,168.5" in answer
    assert 'average({"column": "rain_mm", "by": "city"}) ✓' in answer
    assert "demo (not a model)" in answer.splitlines()[-1]
    assert frame.split()[1:4] == ["turn_index", "model", "status"]
    assert frame.count("demo") == 3


@pytest.mark.browser
def test_the_readme_shows_what_a_newcomer_sees(quickstart, lab_server):
    shot = picture(lab_server, quickstart)
    if UPDATE:
        PICTURE.write_bytes(shot)
    assert 10_000 < len(shot) < 300_000
    assert 10_000 < PICTURE.stat().st_size < 300_000
