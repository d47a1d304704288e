"""Hostile texts in a real JupyterLab do nothing: in answers, tools, errors, names and frames, fresh and reopened."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Request
from support.harm import harm, scripts_run
from support.hostile import corpus, leak_counter
from support.hostile_cells import ANSWER, APPROVAL, PANEL, ask_for_approval, hostile_cells
from support.lab import Lab, LabPage, trusted, untrusted_copy
from support.llm_server import LLMServer

pytestmark = pytest.mark.browser

Leaks = tuple[str, list[str]]
NAIVE = """
from IPython.display import HTML, Markdown
from ipywidgets import HTML as Widget
for text in {texts!r}:
    display(HTML(text), Markdown(text), Widget(text))
"""


@pytest.fixture
def leaks() -> Iterator[Leaks]:
    with leak_counter() as counted:
        yield counted


def requests_of(page: LabPage, lab: Lab) -> list[str]:
    """What the page asks for from now on, of anyone but its own server."""
    foreign: list[str] = []
    own = (lab.url, lab.url.replace("http", "ws"), "data:", "blob:")

    def note(request: Request) -> None:
        if not request.url.startswith(own):
            foreign.append(request.url)

    lab.on_browser(lambda: page.page.on("request", note))
    return foreign


def test_hostile_texts_do_nothing_in_a_fresh_notebook_nor_opened_again(
    lab: Lab, leaks: Leaks, llm_server: LLMServer
) -> None:
    leak, asked = leaks
    page = lab.open(lab.notebook(*hostile_cells(llm_server, corpus(leak), lab.root)), fresh=True)
    foreign = requests_of(page, lab)
    page.run_all(wait=False)
    page.wait_until(lambda: page.js(f"return cell({APPROVAL}).node.querySelector('.jp-Stdin')"), 120, "the question")
    assert (harm(page), asked, foreign) == ([], [], [])
    page.interrupt()
    page.wait_idle()
    assert "<script>" in page.visible_text(ANSWER)
    asked_in_panel(page, lab, llm_server, corpus(leak))
    for tab, wanted in (("Chat", "wants to run a tool"), ("Context", "Compactions"), ("Analytics", "By model")):
        button = page.page.locator(".victor-nb-panel button", has_text=tab).first
        lab.on_browser(button.click)
        page.wait_until(lambda wanted=wanted: wanted in page.visible_text(PANEL), what=wanted)
        assert (harm(page), asked, foreign) == ([], [], []), tab
    page.reload()
    assert trusted(page)
    assert (harm(page), asked, foreign) == ([], [], [])
    page = lab.open(untrusted_copy(page.path), fresh=True)
    assert not trusted(page)
    assert (harm(page), asked) == ([], [])


def asked_in_panel(page: LabPage, lab: Lab, server: LLMServer, texts: list[str]) -> None:
    """Ask in the panel, so that it asks for a word too."""
    ask_for_approval(server, texts)
    field = page.page.locator(".victor-nb-panel input[placeholder='Ask something']")
    lab.on_browser(lambda: (field.fill("Delete it"), field.press("Enter")))
    page.wait_until(lambda: "wants to run a tool" in page.visible_text(PANEL))
    assert "<script>" in page.visible_text(PANEL)


def test_the_same_texts_shown_naively_run_and_fetch(lab: Lab, leaks: Leaks) -> None:
    leak, asked = leaks
    texts = [text for text in corpus(leak) if "refresh" not in text and "<base" not in text]
    page = lab.open(
        lab.notebook(NAIVE.format(texts=[t.encode("utf-8", "replace").decode() for t in texts])), fresh=True
    )
    page.run_all()
    ran = scripts_run(page)
    fetched = {int(path.split("/")[1].partition("?")[0]) for path in asked if path[1:2].isdigit()}
    assert len(ran) >= 40
    assert len(fetched) >= 20
    assert len(ran | fetched) >= 60
