"""Where a tool's function is called when no notebook says otherwise."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any


async def run_in_thread(call: Callable[[], Any]) -> Any:
    """Call a plain function in a worker thread, so that a slow tool does not stop the event loop; an `async def`
    is awaited on the caller's loop (calling it only makes the coroutine)."""
    result = await asyncio.to_thread(call)
    return await result if inspect.isawaitable(result) else result
