"""MCP servers as sources of tools: `AgentOrchestrator(tools=[MCPTools("uvx mcp-server-time")])`."""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias, cast

from victor_nb.agent.tools.approval import NeedsApproval
from victor_nb.agent.tools.arguments import SchemaArguments
from victor_nb.agent.tools.docs import MAX_DESCRIPTION_CHARS
from victor_nb.agent.tools.images import picture_of
from victor_nb.agent.tools.text import Described, described
from victor_nb.agent.tools.toolbox import Tool, ToolOptions
from victor_nb.errors import UsageError, did_you_mean
from victor_nb.messages import Image, ToolSpec
from victor_nb.models.wire_mcp import MCPAddress, MCPConnection

Server: TypeAlias = "str | Path | Sequence[str] | Mapping[str, Any]"

_NAME_CHARS: Final = 64
_SCRIPTS: Final = {".py": sys.executable, ".js": "node"}
_CONFIG_KEYS: Final = ("command", "args", "env", "cwd", "url", "headers", "type", "transport", "disabled")
_URL_HINT: Final = "Give a URL, a command such as 'uvx mcp-server-time', or a script's path."


class MCPTools:
    """The tools of one MCP server, which is started or connected to at first use and closed with the orchestrator.

    Args:
        server: a URL; a command, as a text or a list; the path of a script (.py, .js); or an entry of an MCP
            configuration, `{"command": …, "args": […], "env": {…}}` or `{"url": …, "headers": {…}}`.
        name: what it is called in errors.
        prefix: put before each tool's name, so that two servers' tools cannot be confused.
        only, exclude: the server's names of the tools to offer, or to leave out.
        requires_approval: for every call, for the tools named, or for arguments of which a function is true.
        timeout_s: seconds that a call may take; None leaves it to the settings.
        start_timeout_s: seconds until the server has answered for the first time.
        env, headers, cwd: for a command its variables and folder, for a URL its HTTP headers.

    Raises UsageError when `server` is none.
    """

    def __init__(
        self,
        server: Server,
        *,
        name: str | None = None,
        prefix: str = "",
        only: Collection[str] | None = None,
        exclude: Collection[str] = (),
        requires_approval: NeedsApproval | Collection[str] = False,
        timeout_s: float | None = None,
        start_timeout_s: float = 30.0,
        env: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        cwd: str | Path | None = None,
    ) -> None:
        address = _address(server, env or {}, headers or {}, None if cwd is None else str(cwd))
        self.name = name or _named(address)
        self.known: tuple[Tool, ...] = ()
        """What it offered when it was asked last."""
        self.same_as: object = (address, prefix)
        """Equal for one that is made again, as by a cell that is run again."""
        self._prefix = prefix
        self._only = None if only is None else set(only)
        self._exclude = set(exclude)
        self._requires_approval = requires_approval
        self._timeout_s = timeout_s
        self._connection = MCPConnection(self.name, address, start_timeout_s)

    def __repr__(self) -> str:
        return f"<MCPTools {self.name}>"

    async def tools(self) -> list[Tool]:
        """What the server offers now.

        Raises:
            ToolError: it cannot be reached.
            UsageError: a name of `only` or `exclude` is none of its tools.
            MissingExtraError: the MCP client is not installed.
        """
        specs = await self._connection.list_tools()
        self._check_names([spec.name for spec in specs])
        self.known = tuple(self._tool(spec) for spec in specs if self._is_offered(spec.name))
        return list(self.known)

    async def aclose(self) -> None:
        """Close the connection, and end a server that was started. The next use opens it again."""
        await self._connection.aclose()

    def _is_offered(self, name: str) -> bool:
        return (self._only is None or name in self._only) and name not in self._exclude

    def _check_names(self, known: Sequence[str]) -> None:
        asked = self._requires_approval
        named = set(cast("Collection[str]", asked)) if isinstance(asked, Collection) else set[str]()
        for name in sorted((self._only or set()) | self._exclude | named):
            if name not in known:
                raise UsageError(
                    f"The MCP server {self.name!r} has no tool {name!r}.{did_you_mean(name, known)}",
                    hint=f"It has: {', '.join(known) or 'none'}.",
                )

    def _tool(self, theirs: ToolSpec) -> Tool:
        spec = ToolSpec(_usable(self._prefix + theirs.name), _cut(theirs.description), theirs.parameters)
        asked = self._requires_approval
        approval = theirs.name in asked if isinstance(asked, Collection) else asked
        options = ToolOptions(requires_approval=approval, timeout_s=self._timeout_s)
        return Tool(_caller(self._connection, theirs.name), spec, SchemaArguments(spec), options)


def mcp_tools(config: str | Path | Mapping[str, Any], **options: Any) -> list[MCPTools]:
    """A source for each server of an MCP configuration: a JSON file with `mcpServers`, or what it holds. Each server's
    name is its tools' prefix; `options` are those of `MCPTools`, for all of them.

    Raises UsageError when it cannot be read.
    """
    found = config if isinstance(config, Mapping) else _read(Path(config))
    servers = found.get("mcpServers", found.get("servers"))
    if not isinstance(servers, Mapping):
        raise UsageError("An MCP configuration names its servers under mcpServers.", hint='as in {"mcpServers": {…}}')
    entries = cast("Mapping[str, Mapping[str, Any]]", servers)
    return [
        MCPTools(entry, **cast("Any", {"name": name, "prefix": f"{_usable(name)}_", **options}))
        for name, entry in entries.items()
        if not entry.get("disabled")
    ]


def _read(path: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(path.expanduser().read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"The MCP configuration {str(path)!r} cannot be read: {error}.") from error
    return cast("Mapping[str, Any]", found) if isinstance(found, dict) else {}


def _caller(connection: MCPConnection, name: str) -> Any:
    async def by_names(**arguments: Any) -> Described:
        return _described(await connection.call(name, arguments))

    return by_names


def _described(parts: Sequence[Any]) -> Described:
    """Texts as they are, one below the other, with the images where they stood."""
    texts: list[str] = []
    images: list[Image] = []
    for part in parts:
        picture = picture_of(part) if isinstance(part, Image) else None
        if picture and picture.image:
            images.append(picture.image)
            texts.append(f"[image {len(images)}: {picture.words}]")
        else:
            texts.append(picture.words if picture else described(part).text)
    return Described("\n".join(texts), tuple(images))


def _address(server: Server, env: Mapping[str, str], headers: Mapping[str, str], cwd: str | None) -> MCPAddress:
    if isinstance(server, Mapping):
        return _of_entry(server, env, headers, cwd)
    if isinstance(server, Path) or (isinstance(server, str) and _is_script(server)):
        command = _of_script(Path(server).expanduser())
    elif isinstance(server, str):
        if re.match(r"https?://", server.strip()):
            return MCPAddress(url=server.strip(), headers=headers)
        command = tuple(shlex.split(server, posix=sys.platform != "win32"))
    else:
        command = tuple(map(str, server))
    if not command:
        raise UsageError(f"{server!r} is no MCP server.", hint=_URL_HINT)
    return MCPAddress(command=command, env=env, cwd=cwd)


def _is_script(server: str) -> bool:
    return Path(server).suffix in _SCRIPTS and not re.match(r"https?://", server) and Path(server).expanduser().exists()


def _of_script(path: Path) -> tuple[str, ...]:
    if path.suffix not in _SCRIPTS or not path.exists():
        raise UsageError(f"{str(path)!r} is no script of an MCP server.", hint=_URL_HINT)
    return _SCRIPTS[path.suffix], str(path)


def _of_entry(
    entry: Mapping[str, Any], env: Mapping[str, str], headers: Mapping[str, str], cwd: str | None
) -> MCPAddress:
    for key in entry:
        if key not in _CONFIG_KEYS:
            raise UsageError(
                f"{key!r} is no key of an MCP server.{did_you_mean(key, _CONFIG_KEYS)}",
                hint=f"Known: {', '.join(_CONFIG_KEYS)}.",
            )
    if url := entry.get("url"):
        return MCPAddress(url=str(url), headers={**entry.get("headers", {}), **headers})
    if not entry.get("command"):
        raise UsageError("An MCP server needs a command or a url.", hint=_URL_HINT)
    command = (str(entry["command"]), *map(str, entry.get("args", ())))
    return MCPAddress(command=command, env={**entry.get("env", {}), **env}, cwd=cwd or entry.get("cwd"))


def _named(address: MCPAddress) -> str:
    return address.url or Path(address.command[-1]).name


def _usable(name: str) -> str:
    return re.sub(r"[^a-zA-Z0-9_-]", "_", name)[:_NAME_CHARS]


def _cut(text: str) -> str:
    return text if len(text) <= MAX_DESCRIPTION_CHARS else f"{text[: MAX_DESCRIPTION_CHARS - 1]}…"
