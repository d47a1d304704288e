"""On which event loop an exporter must run.

A database connection or HTTP session works only on the loop that it was opened on; everything else runs in the
exporter's own thread, where it can block without anybody noticing.
"""

from __future__ import annotations

import asyncio


def bound_loop(exporter: object) -> asyncio.AbstractEventLoop | None:
    """The running loop that something the exporter holds is bound to (asyncpg, aiohttp and asyncio call it `_loop`)."""
    for held in vars(exporter).values() if hasattr(exporter, "__dict__") else ():
        loop = getattr(held, "_loop", None)
        if isinstance(loop, asyncio.AbstractEventLoop) and loop.is_running():
            return loop
    return None


def running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def is_wrong_place(error: BaseException) -> bool:
    """Whether a failure says that the exporter was called on another loop, or in another thread, than the one that its
    connection was opened on (asyncio, and sqlite3)."""
    text = str(error)
    return any(part in text for part in ("different loop", "different event loop", "only be used in that same thread"))
