"""What the code of one task prints and displays, on whatever thread it does, taken from it instead of shown.

A cell shows whatever is printed while it runs. What a panel's tool prints belongs to the panel, so that the streams
and the display publisher ask who is printing. They are put back when nobody captures any more.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, cast

Take = Callable[[str], None]

_take: ContextVar[Take | None] = ContextVar("victor_nb_capturing", default=None)
_guard = threading.Lock()
_users = 0


@contextmanager
def capturing(shell: Any, take: Take) -> Generator[None]:
    """Give `take` what the running task prints, and what the tasks and calls print that it starts."""
    global _users  # noqa: PLW0603 (the streams are the process's)
    token = _take.set(take)
    with _guard:
        _users += 1
    watch(shell)
    try:
        yield
    finally:
        _take.reset(token)
        with _guard:
            _users -= 1
            if not _users:
                _unwatch(shell)


def watch(shell: Any) -> None:
    """Once more, when somebody else may have put other streams in place, as `%%capture` does."""
    with _guard:
        for name in ("stdout", "stderr"):
            if not isinstance(stream := getattr(sys, name), _AskingStream):
                setattr(sys, name, _AskingStream(stream))
        publisher = shell.display_pub
        if "publish" not in vars(publisher):
            publisher.publish = _asking_publish(publisher.publish)
            publisher.clear_output = _asking_clear(publisher.clear_output)


def itself(stream: Any) -> Any:
    """The stream that shows what is printed, also while some of that is captured."""
    return stream.stream if isinstance(stream, _AskingStream) else stream


def _unwatch(shell: Any) -> None:
    for name in ("stdout", "stderr"):
        setattr(sys, name, itself(getattr(sys, name)))
    for name in ("publish", "clear_output"):
        cast("dict[str, object]", vars(shell.display_pub)).pop(name, None)


class _AskingStream:
    """A stream that shows what is printed, unless it is captured."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        if (take := _take.get()) is None:
            return self.stream.write(text)
        take(text)
        return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def _asking_publish(publish: Callable[..., Any]) -> Callable[..., Any]:
    def asking(data: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        if (take := _take.get()) is None:
            return publish(data, *args, **kwargs)
        take(f"{data.get('text/plain', '')}\n")
        return None

    return asking


def _asking_clear(clear: Callable[..., Any]) -> Callable[..., Any]:
    def asking(*args: Any, **kwargs: Any) -> Any:
        return clear(*args, **kwargs) if _take.get() is None else None

    return asking
