"""The composition root of a notebook: one `Session` per kernel puts settings, orchestrator, tools and frames together.

It knows nothing of IPython; the notebook folder gives it the parts that do (where tools run, where a turn comes from).
"""

from __future__ import annotations

import reprlib
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar, overload

from victor_nb.agent.feedback import RatedTurn, answers, checked_score, checked_text, record_feedback
from victor_nb.agent.orchestrator import AgentOrchestrator
from victor_nb.agent.recorder import TurnOrigin, lent_origin
from victor_nb.agent.runners import run_in_thread
from victor_nb.agent.store_choice import store_of
from victor_nb.agent.tools import Tool
from victor_nb.agent.tools import tool as mark_as_tool
from victor_nb.agent.tools.approval import YES, asking, question
from victor_nb.agent.tools.sources import IToolSource, close_sources
from victor_nb.config.settings import Settings
from victor_nb.errors import UsageError
from victor_nb.host import lent
from victor_nb.messages import ChatResponse, JsonValue
from victor_nb.protocols import EventQuery, IAnalyticsExporter, IEventStore, ToolFunction

if TYPE_CHECKING:
    from victor_nb.frames import Analytics

F = TypeVar("F", bound=ToolFunction)


class Session:
    """What a notebook chats with. The orchestrator is made at first use, from the settings as they are then."""

    def __init__(self) -> None:
        self._orchestrator: AgentOrchestrator | None = None
        self._analytics: Analytics | None = None
        self._approved: set[str] = set()
        self.tags: dict[str, JsonValue] = {}
        """On every turn of the notebook; `%victor tags` sets them."""

    @property
    def is_begun(self) -> bool:
        """Whether there is an orchestrator, and with it a conversation."""
        return self._orchestrator is not None

    @property
    def orchestrator(self) -> AgentOrchestrator:
        if self._orchestrator is None:
            self._orchestrator = AgentOrchestrator(tool_runner=_run_tool, origin=self._origin, approve=self.approve)
        return self._orchestrator

    @orchestrator.setter
    def orchestrator(self, orchestrator: AgentOrchestrator) -> None:
        """Chat through an orchestrator of your own from now on."""
        self._orchestrator = orchestrator

    @property
    def analytics(self) -> Analytics:
        if self._analytics is None:
            from victor_nb.frames import Analytics

            self._analytics = Analytics(lambda: self.store, lambda: self._origin().notebook)
        return self._analytics

    @property
    def store(self) -> IEventStore:
        """Read without making an orchestrator: looking at what was recorded needs no model."""
        if self._orchestrator is not None:
            return self._orchestrator.analytics_coordinator.store
        return store_of(Settings())

    def _origin(self) -> TurnOrigin:
        return replace(lent_origin(), tags=self.tags)

    async def approve(self, name: str, arguments: dict[str, Any]) -> bool:
        """Ask about a tool call whom the turn brings (see `approval.asking`), else the person at the notebook; "a"
        approves this tool until the kernel ends."""
        asker, host = asking.get(), lent()
        if name in self._approved:
            return asker is not None or host is not None
        if asker is not None:
            answer = await asker(question(name, arguments))
        else:
            answer = await host.ask(f"{question(name, arguments)} [y]es, [N]o, [a]lways: ") if host else None
        if answer in ("a", "always"):
            self._approved.add(name)
        return answer in YES

    def is_approved(self, name: str) -> bool:
        """Whether "a" was the answer for the tool of that name."""
        return name in self._approved

    def add_tool(self, function: ToolFunction | IToolSource) -> None:
        """Offer `function`, or a source of tools, to the model in every turn. A tool of the same name is replaced,
        and so is a source whose `same_as` is equal.

        Raises:
            ToolDefinitionError: the function cannot be described to a model.
        """
        tools = self.orchestrator.tools
        known = _known_as(function)
        for place, other in enumerate(tools):
            if _known_as(other) == known:
                tools[place] = function  # where it was, so that a cell run again changes no request
                self._let_go(other, function)
                return
        tools.append(function)

    def _let_go(self, before: ToolFunction | IToolSource, now: ToolFunction | IToolSource) -> None:
        """What was approved for good is approved for the function that it was, not for another one of its name."""
        if isinstance(before, IToolSource):
            if before is not now:
                close_sources([before], 0)
        elif getattr(before, "__code__", before) != getattr(now, "__code__", now):
            self._approved.discard(Tool.of(before).name)

    def close(self, timeout_s: float = 2.0) -> None:
        if self._orchestrator is not None:
            self._orchestrator.close(timeout_s)


def _known_as(tool: ToolFunction | IToolSource) -> object:
    """What is the same of a tool, or a source, that a cell makes again."""
    return getattr(tool, "same_as", tool) if isinstance(tool, IToolSource) else Tool.of(tool).name


async def _run_tool(call: Callable[[], Any]) -> Any:
    """Where the host wants it; asked at every call, so that the extension may be loaded after the first `@vn.tool`."""
    host = lent()
    return await (host.run_tool(call) if host else run_in_thread(call))


_lock = threading.Lock()
_current: Session | None = None


def current() -> Session:
    """The kernel's session."""
    global _current  # noqa: PLW0603 (a kernel has one session, and this module owns it)
    with _lock:
        if _current is None:
            _current = Session()
        return _current


def set_current(session: Session | None) -> Session | None:
    """Make `session` the kernel's; None forgets it. Returns the one before."""
    global _current
    with _lock:
        before, _current = _current, session
        return before


def add_exporter(exporter: IAnalyticsExporter) -> None:
    """Send this notebook's events to `exporter`, now and after every turn.

    Raises:
        UsageError: it is no object with an `async def export(self, events)`.
    """
    if isinstance(exporter, type) or not callable(getattr(exporter, "export", None)):
        raise UsageError(
            f"{reprlib.repr(exporter)} is no exporter.",
            hint='as in vn.add_exporter(vn.FileAnalyticsExporter("events.jsonl")), or an object of a class of yours '
            "with `async def export(self, events)`",
        )
    coordinator = current().orchestrator.analytics_coordinator
    coordinator.add_exporter(exporter)
    coordinator.notify()


@overload
def tool(function: F, /) -> F: ...
@overload
def tool(**options: Any) -> Callable[[F], F]: ...
def tool(function: Any = None, /, **options: Any) -> Any:
    """Offer a function to the model: `@vn.tool`, or `@vn.tool(requires_approval=True)`.

    The function's name, docstring and signature are what the model is told. It stays callable as before.

    Raises:
        ToolDefinitionError: the function cannot be described to a model.
    """
    if function is None:
        return lambda decorated: tool(mark_as_tool(**options)(decorated))  # type: ignore[misc]
    current().add_tool(function)
    return function


@overload
def rate(
    answer: ChatResponse | str | None = None,
    score: float | None = None,
    note: str | None = None,
    *,
    label: str | None = None,
) -> None: ...
@overload
def rate(answer: float, score: str | None = None, /, *, label: str | None = None) -> None: ...
def rate(answer: Any = None, score: Any = None, note: Any = None, *, label: str | None = None) -> None:
    """Say how good an answer was: `vn.rate(answer, 1, "found the outlier")`, or `vn.rate(0)` for the last answer.

    It is recorded as the event `feedback_given` in the answer's session, and on disk when this returns. An answer may
    be rated again: the latest rating is the one that `vn.analytics.turns()` shows.

    Args:
        answer: what `chat()` returned or `-o` bound, or a `turn_id`; the last answer when left out.
        score: a finite number; True counts as 1, False as 0.
        note: a sentence on it, kept as prompts and answers are.
        label: a word on it, such as "hallucination"; it may stand in for the score.

    Raises:
        UsageError: there is no such turn, no score, or it is no finite number.
    """
    if not isinstance(answer, ChatResponse | str | None):
        answer, score, note = None, answer, score if note is None else note
    if score is None and not label:
        raise UsageError("rate() needs a score.", hint="as in vn.rate(answer, 1), or vn.rate(1) for the last answer")
    number = None if score is None else checked_score(score)
    turn = _rated(answer)
    coordinator = turn.coordinator or current().orchestrator.analytics_coordinator
    record_feedback(turn, coordinator, number, checked_text("label", label), checked_text("note", note))


def _rated(answer: ChatResponse | str | None) -> RatedTurn:
    """The turn of an answer, which may come from another kernel."""
    turn_id = answer.turn_id if isinstance(answer, ChatResponse) else answer
    if found := answers.find(turn_id):
        return found
    if isinstance(answer, ChatResponse):
        return RatedTurn(answer.turn_id, answer.session_id, None)
    if turn_id is None:
        raise UsageError("there is no answer to rate yet.", hint="ask first, or rate a turn_id of vn.analytics.turns()")
    store = current().store
    store.flush()
    for event in store.read(EventQuery(types=["turn_started"], newest_first=True)):
        if event.turn_id == turn_id:
            return RatedTurn(turn_id, event.session_id, None)
    raise UsageError(f"there is no turn {turn_id!r}.", hint="a turn_id is in vn.analytics.turns(), or pass the answer")
