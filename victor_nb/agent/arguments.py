"""What an orchestrator and its `chat()` are given, checked: a TypeError or UsageError says at once what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeVar, cast

from victor_nb.agent.budget import checked_dollars
from victor_nb.agent.model_settings import checked_model_settings
from victor_nb.agent.pictures import attached
from victor_nb.agent.sessions.names import checked_session
from victor_nb.agent.tags import checked_tags, current_tags
from victor_nb.agent.tools.approval import Approve, default_approve
from victor_nb.agent.tools.sources import IToolSource
from victor_nb.errors import UsageError, did_you_mean
from victor_nb.messages import JsonValue
from victor_nb.protocols import ToolFunction

C = TypeVar("C")
F = TypeVar("F")
_COORDINATORS: Final = ("config", "prompt", "context", "analytics")
_ASKED_OF: Final = {"ConfigCoordinator": "load_config", "PromptCoordinator": "build_system_prompt"}


class Given:
    """The arguments of a `chat()`, each checked and in the form that a turn takes.

    Raises UsageError, or TypeError for what are no tools.
    """

    def __init__(
        self,
        message: object,
        *,
        session_id: str | None = None,
        model: Any = None,
        tools: object = None,
        images: object = (),
        output_type: Any = None,
        system: object = None,
        budget_usd: object = None,
        tags: Mapping[str, JsonValue] | None = None,
        **model_settings: Any,
    ) -> None:
        self.message = checked_message(message)
        self.session_id = None if session_id is None else checked_session(session_id)
        self.model = model
        self.tools = listed_tools(() if tools is None else tools)
        self.images = attached(images)
        self.output_type = output_type
        self.system = _checked_system(system)
        self.budget_usd = None if budget_usd is None else checked_dollars("budget_usd", budget_usd)
        self.tags = {**current_tags(), **checked_tags(tags or {})}
        self.model_settings = checked_model_settings(model_settings)


def _checked_system(system: object) -> str | None:
    if system is None or isinstance(system, str):
        return (system or "").strip() or None
    raise UsageError(f"system takes text, not {type(system).__name__}.", hint="it is added to the system prompt")


def checked_message(message: object) -> str:
    if not isinstance(message, str):
        raise UsageError(f"chat() takes text, not {type(message).__name__}.", hint="pass a string")
    if not message.strip():
        raise UsageError("there is nothing to send.", hint="write a question")
    return message


def asked_by(approve: object) -> Callable[[], Approve | None]:
    if approve is None:
        return default_approve
    given = cast("Approve", checked_function("approve", approve))
    return lambda: given


def checked_function(name: str, given: F) -> F:
    if not callable(given):
        raise TypeError(f"{name} must be a function, not {_described(given)}")
    return given


def listed_tools(tools: object) -> list[ToolFunction | IToolSource]:
    if isinstance(tools, str) or callable(tools) or not isinstance(tools, Iterable):
        raise TypeError(f"tools takes a list of functions, not {_described(tools)}: use tools=[…]")
    return list(cast("Iterable[ToolFunction | IToolSource]", tools))


def _described(given: object) -> str:
    return f"the class {given.__name__}" if isinstance(given, type) else f"a {type(given).__name__}"


def check_underscored(given: dict[str, Any]) -> None:
    known = [f"_{name}_coordinator" for name in _COORDINATORS]
    for name in given:
        if name not in known:
            public = [word.lstrip("_") for word in known]
            raise TypeError(f"AgentOrchestrator has no argument {name!r}.{did_you_mean(name, known + public)}")


def coordinator_of(kind: type[C], public: object, underscored: dict[str, Any]) -> C | None:
    name = f"{kind.__name__.removesuffix('Coordinator').lower()}_coordinator"
    documented: object = underscored.get(f"_{name}")
    if public is not None and documented is not None:
        raise TypeError(f"give either {name} or _{name}, not both")
    given = public if public is not None else documented
    if given is None or isinstance(given, kind) or _stands_in(given, kind):
        return cast("C | None", given)
    name_it = f"use {kind.__name__}(…)"
    raise TypeError(f"{name} must be a {kind.__name__}, or of a class made from it, not {_described(given)}: {name_it}")


def _stands_in(given: object, kind: type) -> bool:
    """A user's object with the one method that a turn calls."""
    method = _ASKED_OF.get(kind.__name__)
    return method is not None and not isinstance(given, type) and callable(getattr(given, method, None))
