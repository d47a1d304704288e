"""Where a tool's function is called when no notebook says otherwise."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, cast

from victor_nb.protocols import IToolRunner


async def run_in_thread(call: Callable[[], Any]) -> Any:
    """Call a plain function in a worker thread, so that a slow tool does not stop the event loop; an `async def`
    is awaited on the caller's loop (calling it only makes the coroutine)."""
    result = await asyncio.to_thread(call)
    return await result if inspect.isawaitable(result) else result


async def called(function: Callable[[], object], runner: IToolRunner) -> object:
    """A coroutine function runs on this loop; any other where the runner takes it."""
    value = function() if inspect.iscoroutinefunction(function) else await runner(_finite(function))
    return await cast("Awaitable[object]", value) if inspect.isawaitable(value) else value


def _finite(function: Callable[[], object]) -> Callable[[], object]:
    """No future can carry a StopIteration: one from a bare `next()` would be waited for without end."""

    def call() -> object:
        try:
            return function()
        except StopIteration as error:
            raise RuntimeError(f"StopIteration: {error}" if error.args else "StopIteration") from error

    return call
