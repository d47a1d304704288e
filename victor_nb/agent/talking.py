"""Which conversations the current task is in a turn of."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from contextvars import ContextVar

from victor_nb.errors import UsageError

_talking: ContextVar[frozenset[tuple[int, str]]] = ContextVar("victor_nb_talking", default=frozenset())


@asynccontextmanager
async def talking_in(session: tuple[int, str]) -> AsyncGenerator[None]:
    """For the length of a turn: a tool that asks in the conversation that called it would wait for itself."""
    if session in _talking.get():
        raise UsageError(
            "a tool cannot ask in the conversation that called it.", hint="give chat() another session_id there"
        )
    before = _talking.set(_talking.get() | {session})
    try:
        yield
    finally:
        _talking.reset(before)
