"""One MCP server, through the model library's client: started or connected to at first use, on the one model loop.

The connection lives in a task of its own, since a client must be closed by the task that opened it. A server that has
gone is told as such and started anew at the next use.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
import tempfile
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from victor_nb.background import model_loop
from victor_nb.errors import MissingExtraError, ToolError
from victor_nb.messages import Image, JsonValue, ToolSpec

if TYPE_CHECKING:
    from pydantic_ai.mcp import MCPToolset

T = TypeVar("T")

_CONNECTION_CLOSED: Final = -32000
_LOG_CHARS: Final = 500


@dataclass(frozen=True, slots=True)
class MCPAddress:
    """Where a server is: a `url`, or a `command` (program and arguments) to start it with.

    A command is given `env` and a few harmless variables of ours, no keys. `headers` are kept out of the repr.
    """

    url: str = ""
    command: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    cwd: str | None = None

    def __str__(self) -> str:
        return self.url or " ".join(self.command)


class MCPConnection:
    """Usable from any loop or thread. `start_timeout_s` is for starting the server and its first answer."""

    def __init__(self, name: str, address: MCPAddress, start_timeout_s: float = 30.0) -> None:
        self.name = name
        self._address = address
        self._start_timeout_s = start_timeout_s
        self._opening = asyncio.Lock()  # used on the model loop only, as all below
        self._live: _Live | None = None

    async def list_tools(self) -> list[ToolSpec]:
        """What the server offers, under its own names.

        Raises:
            ToolError: it cannot be reached.
            MissingExtraError: the MCP client is not installed.
        """
        return await model_loop().run(self._list_tools())

    async def call(self, name: str, arguments: Mapping[str, Any]) -> list[Any]:
        """The parts of the result: texts, JSON values, and `Image`s.

        Raises ToolError with what the server said, or when it has gone.
        """
        return await model_loop().run(self._call(name, arguments))

    async def aclose(self) -> None:
        """Close the connection, and end a server that was started. The next use opens a new one."""
        await model_loop().run(self._close())

    async def _list_tools(self) -> list[ToolSpec]:
        live = await self._ready()
        return [_spec(tool) for tool in await self._asked(live, live.toolset.list_tools())]

    async def _call(self, name: str, arguments: Mapping[str, Any]) -> list[Any]:
        live = await self._ready()
        result = await self._asked(live, live.toolset.direct_call_tool(name, dict(arguments)))
        return _parts(result)

    async def _asked(self, live: _Live, question: Coroutine[Any, Any, T]) -> T:
        """The answer. What the server says against it leaves the connection open; any other failure ends it."""
        from fastmcp.exceptions import McpError
        from fastmcp.exceptions import ToolError as Refused

        try:
            return await question
        except Refused as error:
            raise ToolError(str(error)) from error
        except asyncio.CancelledError:
            raise
        except Exception as error:
            if isinstance(error, McpError) and error.error.code != _CONNECTION_CLOSED:
                raise ToolError(str(error)) from error
            said = live.last_words()
            await self._close()
            raise ToolError(
                f"The MCP server {self.name!r} has gone: {_told(error)}.{said}", hint="The next call starts it anew."
            ) from error

    async def _ready(self) -> _Live:
        async with self._opening:
            if self._live is None or self._live.task.done():
                self._live = await self._opened()
            return self._live

    async def _opened(self) -> _Live:
        await asyncio.to_thread(_require_client)
        live = _Live(self._address, self._start_timeout_s)
        try:
            await asyncio.shield(live.ready)
        except asyncio.CancelledError:
            await live.close()
            raise
        except Exception as error:
            said = live.last_words()
            await live.close()
            raise ToolError(
                f"The MCP server {self.name!r} ({self._address}) cannot be reached: {_told(error)}.{said}",
                hint="Start it by hand to see what is wrong, or leave it out.",
            ) from error
        return live

    async def _close(self) -> None:
        live, self._live = self._live, None
        if live is not None:
            await live.close()


class _Live:
    """A connection that is open, or being opened: `ready` tells."""

    def __init__(self, address: MCPAddress, start_timeout_s: float) -> None:
        self._log = _log_file() if address.command else None
        self.toolset = _toolset(address, self._log, start_timeout_s)
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._leave = asyncio.Event()
        self._timeout_s = start_timeout_s
        self.task = asyncio.create_task(self._keep())

    async def _keep(self) -> None:
        try:
            async with contextlib.AsyncExitStack() as stack:
                async with asyncio.timeout(self._timeout_s):
                    await stack.enter_async_context(self.toolset)
                self.ready.set_result(None)
                await self._leave.wait()
        except Exception as error:  # noqa: BLE001 (any transport's; it goes to whoever waits for the connection)
            if not self.ready.done():
                self.ready.set_exception(error)
        finally:
            self.ready.cancel()

    async def close(self) -> None:
        self._leave.set()
        if not self.ready.done():
            self.task.cancel()
        await asyncio.wait([self.task])
        if self.ready.done() and not self.ready.cancelled():
            self.ready.exception()  # seen, whoever waited
        if self._log is not None:
            self._log.unlink(missing_ok=True)

    def last_words(self) -> str:
        """The end of what the server wrote to its standard error."""
        try:
            lines = self._log.read_text(errors="replace").split("\n") if self._log else []
        except OSError:
            lines = []
        text = " | ".join(line.strip() for line in lines if line.strip())
        return f" It wrote: {text[-_LOG_CHARS:]!r}." if text else ""


def _log_file() -> Path:
    """A kernel's own standard error is no file that a process could write to."""
    handle, path = tempfile.mkstemp(prefix="victor-nb-mcp-", suffix=".log")
    os.close(handle)
    return Path(path)


def _require_client() -> None:
    """Imports the client, which takes a while."""
    try:
        importlib.import_module("pydantic_ai.mcp")
    except ImportError as error:
        raise MissingExtraError(
            "MCP servers need a package that is not installed.", hint='pip install "victor-nb[mcp]"'
        ) from error


def _toolset(address: MCPAddress, log: Path | None, start_timeout_s: float) -> MCPToolset[None]:
    from fastmcp.client.transports import StdioTransport
    from pydantic_ai.mcp import MCPToolset

    options: dict[str, Any] = {
        "tool_error_behavior": "error",
        "init_timeout": start_timeout_s,
        "read_timeout": None,
        "include_instructions": False,
    }
    if address.url:
        return MCPToolset(address.url, headers=dict(address.headers) or None, **options)
    program, *arguments = address.command
    transport = StdioTransport(
        program, arguments, env=dict(address.env), cwd=address.cwd, keep_alive=False, log_file=log
    )
    return MCPToolset(transport, **options)


def _spec(tool: Any) -> ToolSpec:
    """Both generations of the MCP package write the same names on the wire."""
    found: dict[str, Any] = tool.model_dump(by_alias=True, mode="json")
    schema: dict[str, JsonValue] = dict(found.get("inputSchema") or {})
    schema.setdefault("type", "object")
    schema.setdefault("properties", {})
    schema.pop("title", None)
    return ToolSpec(found["name"], found.get("description") or found.get("title") or "", schema)


def _parts(result: Any) -> list[Any]:
    """A list is one value, unless there are files in it."""
    from pydantic_ai.messages import BinaryContent

    parts = cast("list[Any]", result) if isinstance(result, list) else [result]
    return [_part(part) for part in parts] if any(isinstance(part, BinaryContent) for part in parts) else [result]


def _part(value: Any) -> Any:
    from pydantic_ai.messages import BinaryContent

    if not isinstance(value, BinaryContent):
        return value
    if value.media_type.startswith("image/"):
        return Image(value.data, value.media_type)
    return f"[{value.media_type}, {len(value.data):,} bytes, which cannot be shown]"


def _told(error: BaseException) -> str:
    """A group of errors, as connections raise them, is told by its first."""
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseException", error.exceptions[0])
    text = " ".join(str(error).split()).rstrip(".")
    return text or ("it did not answer in time" if isinstance(error, TimeoutError) else type(error).__name__)
