"""Modules: which one it is, in which version, what it is for, and the names that it offers."""

from __future__ import annotations

import inspect
from types import ModuleType
from typing import Final

_MAX_NAMES: Final = 60


def module_text(module: ModuleType) -> str:
    found = vars(module)
    version = found.get("__version__")
    about = (inspect.cleandoc(module.__doc__ or "") or "no description").partition("\n")[0]
    lines = [f"module {module.__name__}{f' {version}' if isinstance(version, str) else ''}: {about}"]
    names = sorted(found.get("__all__") or (name for name in found if not name.startswith("_")))
    if names:
        more = f", and {len(names) - _MAX_NAMES:,} more" if len(names) > _MAX_NAMES else ""
        lines.append(f"It has {', '.join(names[:_MAX_NAMES])}{more}.")
    return "\n".join(lines)
