"""The pictures of the documentation, taken anew by `VICTOR_UPDATE_SCREENSHOTS=1 pytest tests/docs/test_pictures.py`."""

from __future__ import annotations

import os
import re
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

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "docs" / "images"
UPDATE = "VICTOR_UPDATE_SCREENSHOTS" in os.environ  # read here, for tests see none of our variables
PICTURE = re.compile(r"!\[[^\]]+\]\(([^):]+)\)")
PANELS = {"chat": (CHAT, 700), "context": (CONTEXT, 700), "analytics": (ANALYTICS, 900)}


def test_the_pages_show_pictures_that_are_there_and_small() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    shown = {page.parent / path for page in pages for path in PICTURE.findall(page.read_text(encoding="utf-8"))}
    assert shown == set(IMAGES.iterdir())
    assert [path.name for path in shown if path.stat().st_size > 120_000] == []


@pytest.mark.browser
def take_the_pictures(lab: Lab) -> None:
    page = open_for_pictures(lab)
    page.run_cell(1)
    page.run_cell(STREAMED, wait=False)
    page.wait_until(lambda: "missing_share" in page.visible_text(STREAMED))
    picture(page, lab, STREAMED, IMAGES / "streaming.png")
    page.interrupt()
    page.wait_idle()
    picture(page, lab, STREAMED, IMAGES / "interrupt.png")
    page.run_cell(DONE)
    for name, (cell, most) in PANELS.items():
        page.run_cell(cell)
        page.wait_until(lambda cell=cell: len(page.visible_text(cell)) > 200)
        page.js("await new Promise(done => setTimeout(done, 3000)); return 1")
        picture(page, lab, cell, IMAGES / f"{name}.png", most=most)
    page.theme("JupyterLab Dark")
    page.run_cell(3)
    page.run_cell(ANSWERED)
    page.wait_until(lambda: page.js(f"return cell({ANSWERED}).node.querySelector('mjx-container')"))
    picture(page, lab, ANSWERED, IMAGES / "dark.png")


if UPDATE:  # it writes into the checkout, so that it is no test of the others'
    test_take_the_pictures = take_the_pictures
