"""Where displays go: a small protocol, and two that implement it by IPython: for the cell that runs, and for a cell
that may be over.

Nothing here imports IPython before it is used, so that loading the extension stays instant.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

Bundle = dict[str, str]


class _Publish(Protocol):
    def __call__(self, data: Bundle, *, transient: dict[str, str], update: bool) -> None: ...


class Publisher(Protocol):
    """A front end's outputs. `live` is False where a display cannot be changed once it is shown."""

    @property
    def live(self) -> bool: ...
    def show(self, bundle: Bundle, display_id: str) -> None: ...
    def update(self, bundle: Bundle, display_id: str) -> None: ...
    def clear(self) -> None: ...


class IPythonPublisher:
    """Publishes to the front end of the running cell. Only the main thread may use it."""

    def __init__(self, shell: InteractiveShell | None = None) -> None:
        from IPython.core.getipython import get_ipython

        self._shell = shell or get_ipython()

    @property
    def live(self) -> bool:
        """True in a kernel, unless `%%capture` is collecting the outputs."""
        from IPython.core.displaypub import CapturingDisplayPublisher

        if self._shell is None or isinstance(self._shell.display_pub, CapturingDisplayPublisher):
            return False
        return hasattr(self._shell, "kernel")

    @property
    def alone(self) -> bool:
        """Whether the running cell is one `%%victor` and nothing else, so that clearing it takes nothing of the
        user's. A cell that calls the magic from Python may have printed."""
        parent: dict[str, Any] = getattr(self._shell, "get_parent", dict[str, Any])()
        code = str(parent.get("content", {}).get("code", "")).lstrip()
        return code.startswith("%%victor")

    def show(self, bundle: Bundle, display_id: str) -> None:
        self._send(bundle, display_id, update=False)

    def update(self, bundle: Bundle, display_id: str) -> None:
        self._send(bundle, display_id, update=True)

    def _send(self, bundle: Bundle, display_id: str, *, update: bool) -> None:
        if self._shell:
            publish = cast("_Publish", self._shell.display_pub.publish)  # pyright: ignore[reportUnknownMemberType]
            publish(bundle, transient={"display_id": display_id}, update=update)

    def clear(self) -> None:
        """Remove all outputs of the cell as soon as the next one arrives."""
        if self._shell:
            self._shell.display_pub.clear_output(wait=True)


class CellPublisher(IPythonPublisher):
    """Publishes below the cell that was asked for by `request`, whatever runs meanwhile."""

    def __init__(self, shell: InteractiveShell, request: Mapping[str, Any]) -> None:
        super().__init__(shell)
        self._request = request
        self._captured = not self.live

    def _send(self, bundle: Bundle, display_id: str, *, update: bool) -> None:
        if self._captured or not self._request or self._runs():
            super()._send(bundle, display_id, update=update)
            return
        sys.stdout.flush()
        sys.stderr.flush()
        kernel = cast("Any", self._shell).kernel
        kernel.session.send(
            kernel.iopub_socket,
            "update_display_data" if update else "display_data",
            {"data": bundle, "metadata": {}, "transient": {"display_id": display_id}},
            parent=self._request,
            ident=cast("Any", self._shell).display_pub.topic,
        )

    def _runs(self) -> bool:
        """Whether what is published now goes below this cell anyway, and through whatever the user has hooked in."""
        return _is_shown_below(self._shell, self._request)


def _is_shown_below(shell: InteractiveShell | None, request: Mapping[str, Any]) -> bool:
    header: Mapping[str, Any] = getattr(cast("Any", shell).display_pub, "parent_header", {})
    return header.get("msg_id") == request["header"]["msg_id"]


@contextmanager
def below(shell: InteractiveShell, request: Mapping[str, Any]) -> Generator[None]:
    """What is printed and displayed in this block goes below the cell that was asked for by `request`. Of ipykernel 7
    a task knows its cell; before, all output went below the cell that ran last. Use it on the main thread."""
    if not request or _is_shown_below(shell, request) or threading.current_thread() is not threading.main_thread():
        yield
        return
    mine = cast("Any", shell)
    before = mine.kernel.get_parent("shell")
    _now_below(mine, request)
    try:
        yield
    finally:
        _now_below(mine, before)


def _now_below(shell: Any, request: Mapping[str, Any]) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    shell.set_parent(request)
