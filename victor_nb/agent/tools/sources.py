"""Tools that are found at run time: a source is asked what it offers at the start of each turn."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
from collections.abc import Coroutine, Iterable, Sequence
from types import FunctionType
from typing import Any, Protocol, TypeGuard, cast, runtime_checkable

from victor_nb.agent.tools.toolbox import Tool
from victor_nb.background import model_loop
from victor_nb.protocols import ToolFunction

log = logging.getLogger(__name__)


@runtime_checkable
class IToolSource(Protocol):
    """What can stand among an orchestrator's tools in place of a function. `tools` may be asked often, and raises
    ToolError when the source cannot be reached; `aclose` may be called at any time."""

    async def tools(self) -> Sequence[Tool]: ...
    async def aclose(self) -> None: ...


def is_source(given: object) -> TypeGuard[IToolSource]:
    """Asked of every tool at every turn, and to look a protocol's methods up takes long: a function has none."""
    return not isinstance(given, FunctionType) and isinstance(given, IToolSource)


async def found_tools(given: Iterable[ToolFunction | Tool | IToolSource]) -> list[ToolFunction | Tool]:
    """The tools, each source's in its place. Sources are asked side by side. Raises what one of them raises."""
    functions = cast("list[Any]", list(given))
    sources = [found for found in functions if is_source(found)]
    if not sources:
        return functions
    offered = dict(zip(map(id, sources), await asyncio.gather(*(one.tools() for one in sources)), strict=True))
    return [tool for one in functions for tool in offered.get(id(one), [one])]


def known_tools(given: Iterable[ToolFunction | Tool | IToolSource]) -> list[Tool]:
    """The tools as far as they are known without asking a source: what it has as `known`, since it was asked last."""
    found: list[Tool] = []
    for one in given:
        found += getattr(one, "known", ()) if isinstance(one, IToolSource) else [Tool.of(one)]
    return found


def close_sources(given: Iterable[object], timeout_s: float) -> None:
    """Close the sources among `given`, waiting for at most `timeout_s`. Not to be called on the model loop."""
    closing = [model_loop().submit(_closed(one)) for one in given if isinstance(one, IToolSource)]
    if closing:
        concurrent.futures.wait(closing, timeout_s)


def _closed(source: IToolSource) -> Coroutine[Any, Any, None]:
    async def close() -> None:
        try:
            await source.aclose()
        except Exception:
            log.exception("%r could not be closed", source)

    return close()
