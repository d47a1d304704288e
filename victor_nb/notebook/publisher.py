"""Where displays go: a small protocol, and IPython as the one that implements it.

Nothing here imports IPython before it is used, so that loading the extension stays instant.
"""

from __future__ import annotations

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
