"""What the surrounding program lends to a session: a notebook tells where tools run and where a turn comes from.

The notebook's extension sets it when it is loaded, long before anything heavy is imported; outside a notebook there is
no host. This module imports nothing of the project.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol


class Host(Protocol):
    """`run_tool` calls a tool's function where the host wants it; `turn_origin` has the keys of `TurnOrigin`;
    `namespace` holds the user's own variables, without the host's; `confirm` asks the person a yes-or-no question and
    is False where nobody can answer; `ask` gives what the person types, in small letters, or None there."""

    async def run_tool(self, call: Callable[[], Any]) -> Any: ...
    def turn_origin(self) -> Mapping[str, Any]: ...
    def namespace(self) -> Mapping[str, Any]: ...
    async def confirm(self, question: str) -> bool: ...
    async def ask(self, question: str) -> str | None: ...


_host: Host | None = None


def lend(host: Host | None) -> None:
    """Make `host` the one that sessions made from now on use; None takes it back."""
    global _host  # noqa: PLW0603 (a process has one host)
    _host = host


def lent() -> Host | None:
    return _host
