"""Making one tool call by hand, without a model or a turn."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from victor_nb.agent.tools import Toolbox, ToolOutcome
from victor_nb.messages import ToolCall


async def run_here(call: Callable[[], Any]) -> Any:
    return call()


async def run_in_thread(call: Callable[[], Any]) -> Any:
    return await asyncio.to_thread(call)


def dispatch(function: Any, arguments: str = "{}", *, name: str | None = None, **options: Any) -> ToolOutcome:
    box = Toolbox([function], **{k: options.pop(k) for k in ("timeout_s", "max_result_chars") if k in options})
    call = ToolCall("1", name or next(iter(box)), arguments)
    return asyncio.run(box.dispatch(call, options.pop("runner", run_here), **options))


def result_of(value: object) -> ToolOutcome:
    """What comes of a tool that returns `value`."""

    def give() -> object:
        return value

    return dispatch(give)
