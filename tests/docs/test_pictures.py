"""The pictures of the documentation, taken anew by `VICTOR_UPDATE_SCREENSHOTS=1 pytest tests/docs/test_pictures.py`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.lab import Lab
from support.pictures import (
    ANALYTICS,
    ANSWERED,
    CHAT,
    CONTEXT,
    DONE,
    STREAMED,
    open_for_pictures,
    picture,
)

IMAGES = Path(__file__).parents[2] / "docs" / "images"
UPDATE = "VICTOR_UPDATE_SCREENSHOTS" in os.environ  # read here, for tests see none of our variables
PANELS = {"chat": CHAT, "context": CONTEXT, "analytics": ANALYTICS}


@pytest.mark.browser
@pytest.mark.skipif(not UPDATE, reason="takes pictures for the documentation, on request")
@pytest.mark.parametrize("dark", [False, True])
def test_take_pictures(lab: Lab, dark: bool) -> None:
    suffix = "-dark" if dark else ""
    page = open_for_pictures(lab, dark=dark)
    page.run_cell(1)
    page.run_cell(STREAMED, wait=False)
    page.wait_until(lambda: "missing_share" in page.visible_text(STREAMED))
    picture(page, lab, STREAMED, IMAGES / f"streaming{suffix}.png")
    page.interrupt()
    page.wait_idle()
    picture(page, lab, STREAMED, IMAGES / f"interrupt{suffix}.png")
    page.run_cell(3)
    page.run_cell(ANSWERED)
    page.wait_until(lambda: page.js(f"return cell({ANSWERED}).node.querySelector('mjx-container')"))
    picture(page, lab, ANSWERED, IMAGES / f"answer{suffix}.png", most=1100)
    page.run_cell(DONE)
    for name, cell in PANELS.items():
        page.run_cell(cell)
        page.wait_until(lambda cell=cell: len(page.visible_text(cell)) > 200)
        page.js("await new Promise(done => setTimeout(done, 2500)); return 1")
        picture(page, lab, cell, IMAGES / f"{name}{suffix}.png", most=1300)
