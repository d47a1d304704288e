"""One notebook in the browser, in JupyterLab or in Notebook 7, driven through the front end's own model."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from playwright.sync_api import Page
    from support.lab import Lab

App = Literal["lab", "notebook"]
ADDRESSES: dict[App, str] = {"lab": "lab/tree/{}?reset&", "notebook": "notebooks/{}?"}
NOTEBOOK = """
const panel = [...window.jupyterapp.shell.widgets('main')].find(widget => widget.context?.path === %s);
const cell = i => panel.content.widgets[i];
"""


class LabPage:
    """One notebook, open in the browser, with a kernel."""

    def __init__(self, lab: Lab, page: Page, path: Path, app: App = "lab", *, fresh: bool = False) -> None:
        self._lab = lab
        self.page = page
        self.path = path
        self.app: App = app
        self.fresh = fresh

    def load(self, *, idle: bool = True) -> None:
        """Load the application anew, with this notebook; with `idle=False` while a cell runs."""
        url = f"{self._lab.url}/{ADDRESSES[self.app].format(self.path.name)}token={self._lab.token}"
        self._lab.on_browser(lambda: self.page.goto(url, timeout=120_000))
        self._wait("window.jupyterapp !== undefined", 120)
        self._evaluate("return await window.jupyterapp.restored.then(() => true)")
        self._wait_for_kernel(idle)

    def show(self) -> None:
        """Open this notebook in the JupyterLab that the page has loaded already."""
        what = json.dumps({"path": self.path.name, "factory": "Notebook"})
        self._evaluate(f"await window.jupyterapp.commands.execute('docmanager:open', {what}); return true")
        self._wait_for_kernel()

    def _wait_for_kernel(self, idle: bool = True) -> None:
        self.wait_until(lambda: self.js("return Boolean(panel?.sessionContext?.session?.kernel)"), what="a kernel")
        self.js("await panel.context.ready; await panel.sessionContext.ready; window.victorRuns = 0; return true")
        if idle:
            self.wait_idle(60)

    def _evaluate(self, body: str) -> Any:
        return self._lab.on_browser(lambda: self.page.evaluate(f"async () => {{ {body} }}"))

    def _wait(self, condition: str, timeout: float) -> None:
        self.wait_until(lambda: self._evaluate(f"return Boolean({condition})"), timeout, what=condition)

    def js(self, body: str) -> Any:
        """The value that JavaScript returns; it has `panel` (the notebook) and `cell(i)` at hand."""
        return self._evaluate(NOTEBOOK % json.dumps(self.path.name) + body)

    def wait_until(self, holds: Callable[[], object], timeout: float = 60, what: str = "the condition") -> None:
        """Poll until a predicate holds."""
        deadline = time.monotonic() + timeout
        while not holds():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what} did not come true in {timeout} s")
            time.sleep(0.03)

    def run_all(self, *, wait: bool = True, timeout: float = 120) -> None:
        """Run every cell and wait for the last one."""
        self._start("notebook:run-all-cells")
        if wait:
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

    def source(self, index: int) -> str:
        return self.js(f"return cell({index}).model.sharedModel.getSource()")

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

    def reload(self, *, idle: bool = True) -> None:
        """Save, and reload the page, as F5 does. The kernel goes on."""
        self.save()
        self.load(idle=idle)

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

    def leave(self) -> None:
        """Shut the kernel down and close the notebook; what was not saved is lost."""
        self.js("await panel.sessionContext.shutdown(); panel.dispose(); return true")
