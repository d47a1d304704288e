"""The user's own variables: what a notebook's cells have made, without what IPython keeps beside it."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_NOTHING = object()


def namespace_of(shell: InteractiveShell) -> dict[str, Any]:
    """A new dictionary in the order of definition. Modules are left out, names with an underscore in front, and what
    the shell has put there, unless the user has given such a name another value."""
    mine = cast("Any", shell)
    hidden: Mapping[str, Any] = mine.user_ns_hidden
    return {
        name: value
        for name, value in dict(mine.user_ns).items()
        if not name.startswith("_") and not isinstance(value, ModuleType) and hidden.get(name, _NOTHING) is not value
    }
