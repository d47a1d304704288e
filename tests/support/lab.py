"""A real JupyterLab with a real Chromium: one server and one browser a session, one page and kernel a test.

The browser resolves no name but 127.0.0.1, so whatever shows up came from this machine. Playwright lives on a
thread of its own: its synchronous API leaves an event loop running on the thread that started it.
"""

from __future__ import annotations

import importlib.util
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import nbformat
import pytest
from support.services import as_user, require_or_skip

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page, Playwright, ViewportSize

T = TypeVar("T")

INSTALL = "apt-get install -y chromium fonts-dejavu-core && pip install jupyterlab playwright"
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
SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True},
    "docmanager-extension/plugin": {"autosave": False},
    "notebook-extension/tracker": {"windowingMode": "none"},
}
VIEWPORT: ViewportSize = {"width": 1200, "height": 1000}
NOTEBOOK = """
const panel = window.jupyterapp.shell.currentWidget;
const cell = i => panel.content.widgets[i];
"""


class LabPage:
    """One notebook, open in the browser, with a kernel."""

    def __init__(self, lab: Lab, path: Path) -> None:
        self._lab = lab
        self.path = path
        self._context: BrowserContext = lab.on_browser(lambda: lab.browser.new_context(viewport=VIEWPORT))
        self.page: Page = lab.on_browser(self._context.new_page)
        self._go()

    def _go(self) -> None:
        url = f"{self._lab.url}/lab/tree/{self.path.name}?reset&token={self._lab.token}"
        self._lab.on_browser(lambda: self.page.goto(url, timeout=120_000))
        self._wait("window.jupyterapp !== undefined", 120)
        self._evaluate("return await window.jupyterapp.restored.then(() => true)")
        self._wait("window.jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel", 60)
        self.js("await panel.context.ready; await panel.sessionContext.ready; return true")
        self._evaluate("window.victorRuns = 0; return true")
        self._wait("window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'idle'", 60)

    def _evaluate(self, body: str) -> Any:
        return self._lab.on_browser(lambda: self.page.evaluate(f"async () => {{ {body} }}"))

    def _wait(self, condition: str, timeout: float) -> None:
        self.wait_until(lambda: self._evaluate(f"return Boolean({condition})"), timeout, what=condition)

    def js(self, body: str) -> Any:
        """The value that JavaScript returns; it has `panel` (the notebook) and `cell(i)` at hand."""
        return self._evaluate(NOTEBOOK + body)

    def wait_until(self, holds: Callable[[], object], timeout: float = 60, what: str = "the condition") -> None:
        """Poll until a predicate holds."""
        deadline = time.monotonic() + timeout
        while not holds():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what} did not come true in {timeout} s")
            time.sleep(0.03)

    def run_all(self, timeout: float = 120) -> None:
        """Run every cell and wait for the last one."""
        self._start("notebook:run-all-cells")
        self.wait_idle(timeout)

    def run_cell(self, index: int, *, wait: bool = True, timeout: float = 120) -> None:
        """Run one cell; with `wait=False` return while it runs."""
        self.js(f"panel.content.activeCellIndex = {index}; return true")
        self._start("notebook:run-cell")
        if wait:
            self.wait_idle(timeout)

    def _start(self, command: str) -> None:
        self.js(
            "window.victorRuns += 1;"
            f"window.jupyterapp.commands.execute('{command}').finally(() => {{ window.victorRuns -= 1 }});"
            "return true"
        )

    @property
    def busy(self) -> bool:
        return self.js("return window.victorRuns > 0 || panel.sessionContext.session?.kernel?.status !== 'idle'")

    def wait_idle(self, timeout: float = 120) -> None:
        self.wait_until(lambda: not self.busy, timeout, what="idle")

    def outputs(self, index: int) -> list[dict[str, Any]]:
        """The cell's outputs in nbformat's form, as the front end holds them now."""
        return self.js(f"return cell({index}).model.sharedModel.outputs ?? cell({index}).outputArea.model.toJSON()")

    def edit(self, index: int, source: str) -> None:
        """Write something else into a cell."""
        self.js(f"cell({index}).model.sharedModel.setSource({json.dumps(source)}); return true")

    def visible_text(self, index: int) -> str:
        """The text of a cell's output area as a person sees it."""
        return self.js(f"return cell({index}).node.querySelector('.jp-OutputArea').innerText")

    def interrupt(self) -> None:
        self.js("await panel.sessionContext.session.kernel.interrupt(); return true")

    def restart(self) -> None:
        """Restart the kernel; outputs stay."""
        self.js("await panel.sessionContext.restartKernel(); return true")
        self.wait_idle()

    def save(self) -> None:
        self.js("await panel.context.save(); return true")

    def reload(self, *, save: bool = True) -> None:
        """Reload the page, as F5 does. The kernel goes on."""
        if save:
            self.save()
        self._go()

    def theme(self, name: str) -> None:
        """`JupyterLab Light` or `JupyterLab Dark`."""
        self.js(f"await window.jupyterapp.commands.execute('apputils:change-theme', {{theme: '{name}'}}); return 1")
        self._wait(f"document.body.dataset.jpThemeName === '{name}'", 30)

    def screenshot(self, path: Path | str, selector: str | None = None) -> None:
        """A picture of the window, or of the first element that `selector` finds."""

        def shoot() -> bytes:
            if selector:
                return self.page.locator(selector).first.screenshot(path=path)
            return self.page.screenshot(path=path)

        self._lab.on_browser(shoot)

    def close(self) -> None:
        self.js("await panel.sessionContext.shutdown(); return true")
        self._lab.on_browser(self._context.close)


class Lab:
    """A running JupyterLab server and the browser that looks at it."""

    def __init__(self, root: Path, url: str, token: str) -> None:
        self.root = root
        self.url = url
        self.token = token
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="playwright")
        self._pages: list[LabPage] = []
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

    def open(self, path: Path) -> LabPage:
        """Open a notebook and start its kernel. One from elsewhere is copied into the server's folder first."""
        if path.parent != self.root:
            path = Path(shutil.copy(path, self.root))
        page = LabPage(self, path)
        self._pages.append(page)
        return page

    def close_pages(self) -> None:
        while self._pages:
            self._pages.pop().close()

    def close(self) -> None:
        self.on_browser(self.browser.close)
        self.on_browser(self._playwright.stop)
        self._thread.shutdown()


def _start_playwright() -> Playwright:
    from playwright.sync_api import sync_playwright

    return sync_playwright().start()


def _missing() -> Sequence[str]:
    modules = [name for name in ("jupyterlab", "playwright") if importlib.util.find_spec(name) is None]
    return [*modules, *([] if shutil.which("chromium") else ["chromium"])]


def _environment(folder: Path) -> dict[str, str]:
    names = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
        "VICTOR_HOME": "victor-home",
    }
    kept = {k: v for k, v in os.environ.items() if not k.endswith("_API_KEY")}
    return kept | {name: str(folder / part) for name, part in names.items()}


def _write_settings(folder: Path) -> None:
    for name, values in SETTINGS.items():
        path = folder / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values), encoding="utf-8")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _serve(folder: Path, root: Path, port: int, token: str) -> subprocess.Popen[bytes]:
    arguments = [
        "--no-browser",
        "--ip=127.0.0.1",
        f"--port={port}",
        "--ServerApp.port_retries=0",
        f"--IdentityProvider.token={token}",
        "--ServerApp.allow_root=True",
        f"--ServerApp.root_dir={root}",
        "--LabApp.expose_app_in_browser=True",
    ]
    with (folder / "server.log").open("wb") as log:
        return subprocess.Popen(
            [*as_user(None, dies_with_parent=True), sys.executable, "-m", "jupyterlab", *arguments],
            cwd=root,
            env=_environment(folder),
            stdout=log,
            stderr=subprocess.STDOUT,
        )


def _wait_ready(server: subprocess.Popen[bytes], url: str, token: str, log: Path) -> None:
    request = urllib.request.Request(f"{url}/api/status", headers={"Authorization": f"token {token}"})
    deadline = time.monotonic() + 120
    while server.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(request, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text(encoding='utf-8')[-3000:]}")


@pytest.fixture(scope="session")
def lab_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The session's JupyterLab and Chromium."""
    if missing := _missing():
        require_or_skip(f"a real JupyterLab (missing: {', '.join(missing)})", INSTALL)
    folder = tmp_path_factory.mktemp("lab")
    root = folder / "root"
    root.mkdir()
    _write_settings(folder)
    port, token = _free_port(), secrets.token_hex(16)
    server = _serve(folder, root, port, token)
    try:
        _wait_ready(server, f"http://127.0.0.1:{port}", token, folder / "server.log")
        lab = Lab(root, f"http://127.0.0.1:{port}", token)
        yield lab
        lab.close()
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


@pytest.fixture
def lab(lab_server: Lab) -> Iterator[Lab]:
    """`lab.open(lab.notebook("1 + 1")).run_all()`; the pages a test opens are closed after it."""
    yield lab_server
    lab_server.close_pages()
