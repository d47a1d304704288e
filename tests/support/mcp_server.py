"""A real MCP server, of the `mcp` package: over standard input and output, or over HTTP with `--http PORT`."""

from __future__ import annotations

import os
import sys
from typing import Any

from mcp import types

try:
    from mcp.server.mcpserver import MCPServer
except ImportError:  # the package's first generation
    from mcp.server.fastmcp import FastMCP as MCPServer  # type: ignore[no-redef]

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
server: Any = MCPServer("notes", log_level="ERROR")
notes: dict[str, str] = {}


@server.tool(name="notes/add")
def add(title: str, text: str = "") -> int:
    """Keep a note; gives how many there are."""
    notes[title] = text
    return len(notes)


@server.tool()
def find(title: str) -> dict[str, str]:
    """Look a note up."""
    return {"title": title, "text": notes[title]}


@server.tool()
def picture() -> types.ImageContent:
    """A picture of the notes."""
    return types.ImageContent.model_validate({"type": "image", "data": PIXEL, "mimeType": "image/png"})


@server.tool()
def environment() -> list[str]:
    return sorted(os.environ)


@server.tool()
def crash() -> None:
    print("out of paper", file=sys.stderr, flush=True)
    os._exit(3)


if __name__ == "__main__":
    if len(sys.argv) > 2 and sys.argv[1] == "--http":
        import uvicorn

        uvicorn.run(server.streamable_http_app(), port=int(sys.argv[2]), log_level="error")
    else:
        server.run()
