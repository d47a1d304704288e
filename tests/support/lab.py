"""A real Jupyter server with a real Chromium: one of each a session, one kernel a test.

The browser resolves no name but 127.0.0.1, so whatever shows up came from this machine. JupyterLab is loaded once and
opens one notebook after the other, which takes a second instead of three; a test that leaves traces in the page, or
listens to it, asks for a fresh one. Playwright lives on a
thread of its own: its synchronous API leaves an event loop running on the thread that started it.
"""

from __future__ import annotations

import importlib.util
import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import nbformat
import pytest
from support.lab_page import App, LabPage
from support.lab_server import LabServer
from support.services import require_or_skip

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Playwright, ViewportSize

__all__ = ["Lab", "LabPage", "trusted", "untrusted_copy"]

T = TypeVar("T")

INSTALL = "apt-get install -y chromium fonts-dejavu-core && pip install jupyterlab notebook playwright"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
]
VIEWPORT: ViewportSize = {"width": 1200, "height": 1000}


class Lab:
    """A running Jupyter server and the browser that looks at it."""

    def __init__(self, server: LabServer) -> None:
        self.root = server.root
        self.url = server.url
        self.token = server.token
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="playwright")
        self._open: list[LabPage] = []
        self._idle: dict[App, Page] = {}
        self._playwright: Playwright = self.on_browser(_start_playwright)
        self.browser: Browser = self.on_browser(self._launch)

    def on_browser(self, call: Callable[[], T]) -> T:
        return self._thread.submit(call).result()

    def _launch(self) -> Browser:
        return self._playwright.chromium.launch(executable_path=shutil.which("chromium"), headless=True, args=FLAGS)

    def notebook(self, *sources: str, name: str | None = None) -> Path:
        """Write a notebook of code cells into the server's folder."""
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        path = self.root / (name or f"test-{secrets.token_hex(4)}.ipynb")
        nbformat.write(notebook, path)
        return path

    def open(self, path: Path, *, app: App = "lab", fresh: bool = False) -> LabPage:
        """Open a notebook and start its kernel. One from elsewhere is copied into the server's folder first.

        With `fresh` in a page that nobody has used before, nor will afterwards.
        """
        if path.parent != self.root:
            path = Path(shutil.copy(path, self.root))
        idle = None if fresh else self._idle.pop(app, None)
        page = LabPage(self, idle or self.on_browser(self._new_page), path, app, fresh=fresh)
        self._open.append(page)
        if idle and app == "lab":
            page.show()
        else:
            page.load()
        return page

    def _new_page(self) -> Page:
        return self.browser.new_context(viewport=VIEWPORT).new_page()

    def read(self, url: str, body: str, screenshot: Path | None = None) -> Any:
        """What JavaScript returns in a page that is none of Jupyter's."""

        def look() -> Any:
            page = self._new_page()
            try:
                page.goto(url)
                if screenshot:
                    page.screenshot(path=screenshot)
                return page.evaluate(f"async () => {{ {body} }}")
            finally:
                page.context.close()

        return self.on_browser(look)

    def close_pages(self) -> None:
        """Close the notebooks, and all pages but one of each application that was not asked for as a fresh one."""
        with ExitStack() as stack:
            while self._open:
                stack.callback(self._close, self._open.pop())

    def _close(self, notebook: LabPage) -> None:
        notebook.leave()
        page, app = notebook.page, notebook.app
        if notebook.fresh or app in self._idle:
            self.on_browser(page.context.close)
        else:
            self.on_browser(lambda: page.set_viewport_size(VIEWPORT))
            self._idle[app] = page

    def close(self) -> None:
        self.on_browser(self.browser.close)
        self.on_browser(self._playwright.stop)
        self._thread.shutdown()


def untrusted_copy(path: Path) -> Path:
    """The same notebook as if it had come by mail: its signature does not fit."""
    notebook = nbformat.read(path, 4)
    notebook.metadata["from"] = "somebody else"
    copy = path.with_stem(f"{path.stem}-untrusted")
    nbformat.write(notebook, copy)
    return copy


def trusted(page: LabPage) -> bool:
    """Whether the front end shows the outputs as they are, and not through its sanitiser."""
    return page.js("return panel.content.widgets.every(cell => cell.model.trusted)")


def _start_playwright() -> Playwright:
    from playwright.sync_api import sync_playwright

    return sync_playwright().start()


def _missing() -> Sequence[str]:
    modules = [name for name in ("jupyterlab", "notebook", "playwright") if importlib.util.find_spec(name) is None]
    return [*modules, *([] if shutil.which("chromium") else ["chromium"])]


@pytest.fixture(scope="session")
def lab_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The session's Jupyter server and Chromium."""
    if missing := _missing():
        require_or_skip(f"a real JupyterLab (missing: {', '.join(missing)})", INSTALL)
    server = LabServer(tmp_path_factory.mktemp("lab"))
    try:
        lab = Lab(server)
        yield lab
        lab.close()
    finally:
        server.stop()


@pytest.fixture
def lab(lab_server: Lab) -> Iterator[Lab]:
    """`lab.open(lab.notebook("1 + 1")).run_all()`; the notebooks that a test opens are closed after it."""
    yield lab_server
    lab_server.close_pages()
