"""What users' tests need: models that answer from a script or a recording, a plugin of pytest, and a check of
exporters. Shipped with the package; no mocks. What stands here is imported at its first use: pytest loads the plugin
at every start."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from victor_nb.testing.cassettes import (
        Cassette,
        CassetteError,
        ChangedAnswersError,
        MissingRecordingError,
        use_cassette,
    )
    from victor_nb.testing.conformance import check_exporter, check_exporter_async
    from victor_nb.testing.doubles import InMemoryStore, Reply, ScriptedModel, ScriptError, call, cut, fail, when

__all__ = [
    "Cassette",
    "CassetteError",
    "ChangedAnswersError",
    "InMemoryStore",
    "MissingRecordingError",
    "Reply",
    "ScriptError",
    "ScriptedModel",
    "call",
    "check_exporter",
    "check_exporter_async",
    "cut",
    "fail",
    "use_cassette",
    "when",
]

_HOME = {
    **dict.fromkeys(
        ("Cassette", "CassetteError", "ChangedAnswersError", "MissingRecordingError", "use_cassette"), "cassettes"
    ),
    **dict.fromkeys(("check_exporter", "check_exporter_async"), "conformance"),
    **dict.fromkeys(
        ("InMemoryStore", "Reply", "ScriptError", "ScriptedModel", "call", "cut", "fail", "when"), "doubles"
    ),
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"victor_nb.testing.{_HOME[name]}"), name)
    raise AttributeError(f"module 'victor_nb.testing' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
