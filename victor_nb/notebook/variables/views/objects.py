"""Objects that have nothing to say of themselves: Python's own repr is a class and an address, so their attributes are
told instead."""

from __future__ import annotations

from typing import Any, Final

from victor_nb.agent.tools.text import Room, described

_ROOM: Final = Room(values=100, nested_chars=500, sample_chars=1_000)


def object_text(value: object) -> str | None:
    """None for what has a repr, or no attributes."""
    kind = type(value)
    attributes: dict[str, Any] | None = getattr(value, "__dict__", None) if kind.__repr__ is object.__repr__ else None
    public = {name: one for name, one in (attributes or {}).items() if not name.startswith("_")}
    return f"a {kind.__name__} with {described(public, _ROOM).text}" if public else None
