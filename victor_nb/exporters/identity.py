"""Who an exporter is, for longer than a process lives: what its progress is stored under, and when another one takes
its place."""

from __future__ import annotations

import sys
from pathlib import Path


def destination_of(exporter: object) -> str | None:
    """`Class:destination`, when it names one."""
    given: object = getattr(exporter, "destination", None)
    return _storable(f"{type(exporter).__name__}:{given}") if isinstance(given, str) and given else None


def is_current_definition(exporter: object) -> bool:
    """Whether its class is what its name now stands for in the notebook or script: a cell that defines it anew has
    corrected the one before. A class that some function makes is never known to be the same."""
    made_by = type(exporter)
    return made_by.__module__ == "__main__" and getattr(sys.modules["__main__"], made_by.__name__, None) is made_by


def place(notebook: str | None, kernel_run_id: str) -> str:
    """Where exporters without a destination belong: a notebook, a script, or nothing that another process could be."""
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    return _storable(notebook or (str(Path(script).absolute()) if script else kernel_run_id))


def qualified_name(exporter: object) -> str:
    return f"{type(exporter).__module__}.{type(exporter).__qualname__}"


def _storable(text: str) -> str:
    """A path may hold bytes that are no text (surrogates), which no database takes; different ones stay different."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\x00", "\\x00")
