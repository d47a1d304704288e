"""What users' tests need: models that answer from a script or a recording, a plugin of pytest, and a check of
exporters. Shipped with the package; no mocks. What stands here is imported at its first use: pytest loads the plugin
at every start."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from victor_nb.testing.assertions import assert_no_failures, assert_tool_called, assert_turns
    from victor_nb.testing.capture import CapturedEvents, capture_events
    from victor_nb.testing.cassettes import (
        Cassette,
        CassetteError,
        ChangedAnswersError,
        MissingRecordingError,
        use_cassette,
    )
    from victor_nb.testing.conformance import (
        check_config_provider,
        check_config_provider_async,
        check_contributor,
        check_contributor_async,
        check_exporter,
        check_exporter_async,
        check_strategy,
        check_strategy_async,
    )
    from victor_nb.testing.doubles import (
        InMemoryStore,
        Reply,
        ScriptedModel,
        ScriptError,
        Victor,
        call,
        cut,
        fail,
        when,
    )
    from victor_nb.testing.refusal import RealModelError, Refusals, no_real_models

__all__ = [
    "CapturedEvents",
    "Cassette",
    "CassetteError",
    "ChangedAnswersError",
    "InMemoryStore",
    "MissingRecordingError",
    "RealModelError",
    "Refusals",
    "Reply",
    "ScriptError",
    "ScriptedModel",
    "Victor",
    "assert_no_failures",
    "assert_tool_called",
    "assert_turns",
    "call",
    "capture_events",
    "check_config_provider",
    "check_config_provider_async",
    "check_contributor",
    "check_contributor_async",
    "check_exporter",
    "check_exporter_async",
    "check_strategy",
    "check_strategy_async",
    "cut",
    "fail",
    "no_real_models",
    "use_cassette",
    "when",
]

_ROOMS = {
    "capture": ("CapturedEvents", "capture_events"),
    "assertions": ("assert_no_failures", "assert_tool_called", "assert_turns"),
    "cassettes": ("Cassette", "CassetteError", "ChangedAnswersError", "MissingRecordingError", "use_cassette"),
    "conformance": (
        "check_config_provider",
        "check_config_provider_async",
        "check_contributor",
        "check_contributor_async",
        "check_exporter",
        "check_exporter_async",
        "check_strategy",
        "check_strategy_async",
    ),
    "doubles": ("InMemoryStore", "Reply", "ScriptError", "ScriptedModel", "Victor", "call", "cut", "fail", "when"),
    "refusal": ("RealModelError", "Refusals", "no_real_models"),
}
_HOME = {name: room for room, names in _ROOMS.items() for name in names}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"victor_nb.testing.{_HOME[name]}"), name)
    raise AttributeError(f"module 'victor_nb.testing' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
