"""Whether requests may leave this process: who forbids it stands here, and whatever sends one asks first.

It is of the whole process, as models are used from any thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TypeAlias

from victor_nb.messages import ModelRequest

Refuse: TypeAlias = Callable[[str, str], Exception]
"""Is told which model was to be asked what, and gives the error that is raised."""

_lock = threading.Lock()
_standing: list[Refuse] = []


@contextmanager
def forbidden(refuse: Refuse) -> Generator[None]:
    """In the block no request is sent. Of several that forbid it the innermost is asked."""
    with _lock:
        _standing.append(refuse)
    try:
        yield
    finally:
        with _lock:
            _standing.remove(refuse)


def is_forbidden() -> bool:
    return bool(_standing)


def check(model: str, asked: str) -> None:
    """Ahead of each request to `model`, by its full name. Raises what whoever forbids it gives."""
    if _standing:
        raise _standing[-1](model, asked)


def check_request(provider: str, model: str, request: ModelRequest) -> None:
    """The same, of a chat model."""
    if _standing:
        asked = next((message.content for message in reversed(request.messages) if message.role == "user"), "")
        check(f"{provider}:{model}", asked)
