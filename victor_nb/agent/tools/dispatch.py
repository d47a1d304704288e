"""The way of one tool call: find the tool, check the arguments, pass the middleware, ask for approval, run.

Whatever the model writes or the function does ends as a `ToolOutcome`; a cancellation, an interrupt, and what a
middleware raises pass through.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeAlias, cast

from victor_nb import clock
from victor_nb.agent.runners import called
from victor_nb.agent.tools.approval import Approve, Decision, decide, needs_approval
from victor_nb.agent.tools.arguments import IArguments, InvalidArguments, json_object
from victor_nb.agent.tools.outcome import ToolInterrupted, ToolOutcome
from victor_nb.agent.tools.text import Described, capped, described, error_text
from victor_nb.errors import did_you_mean
from victor_nb.messages import ToolCall, ToolRequest
from victor_nb.protocols import IToolRunner

Run: TypeAlias = "Callable[[ToolRequest], Awaitable[ToolOutcome]]"
Around: TypeAlias = "Callable[[ToolRequest, Run], Awaitable[ToolOutcome]]"


@dataclass(frozen=True, slots=True)
class CallSite:
    """Where a call comes from and how it is made. `around` is the middleware's onion; `decided` is told of each
    approval; `queued` is how many calls share the runner, which may have to run them one after the other. A person is
    asked about one call at a time."""

    runner: IToolRunner
    approve: Approve | None = None
    around: Around | None = None
    decided: Callable[[ToolCall, Decision], None] | None = None
    session_id: str = ""
    turn_id: str = ""
    queued: int = 1
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(frozen=True, slots=True)
class Callee:
    """What `Dispatch` has to know of the tool that is called."""

    function: Callable[..., object]
    arguments: IArguments
    requires_approval: Any
    timeout_s: float | None


class Dispatch:
    """One call at its site. `known` are the names of all tools, for the hint when `callee` is None."""

    def __init__(self, call: ToolCall, callee: Callee | None, known: Mapping[str, object], site: CallSite) -> None:
        self._call = call
        self._callee = callee
        self._known = known
        self._site = site
        self._given: Mapping[str, Any] = {}
        self._parsed: dict[str, Any] | None = None
        self._wrong: ToolOutcome | None = None

    async def outcome(self, max_chars: int) -> ToolOutcome:
        """With its text cut to `max_chars`."""
        self._read()
        request = ToolRequest(self._call, dict(self._given), self._site.session_id, self._site.turn_id)
        around = self._site.around
        found = await around(request, self._inmost) if around else await self._inmost(request)
        text, truncated = capped(found.text, max_chars)
        return replace(
            found,
            call=self._call,
            text=text,
            args_bytes=_size(self._call.arguments),
            result_bytes=_size(text),
            truncated=found.truncated or truncated,
        )

    def _read(self) -> None:
        """The arguments as the tool takes them; where they are wrong, as the model wrote them."""
        callee = self._callee
        if callee is None:
            known = ", ".join(self._known) or "none"
            hint = did_you_mean(self._call.name, self._known)
            self._wrong = ToolOutcome(
                self._call, "unknown_tool", f"There is no tool {self._call.name!r}.{hint} Tools: {known}."
            )
        else:
            try:
                self._parsed = callee.arguments.parse(self._call.arguments)
                self._given = self._parsed
                return
            except InvalidArguments as error:
                self._wrong = self._invalid(error)
        with contextlib.suppress(InvalidArguments):
            self._given = json_object(self._call.arguments)

    def _invalid(self, error: InvalidArguments) -> ToolOutcome:
        return ToolOutcome(self._call, "invalid_arguments", str(error), error_type="ValidationError")

    async def _inmost(self, request: ToolRequest) -> ToolOutcome:
        callee, arguments = self._callee, self._parsed
        if callee is None:
            return cast("ToolOutcome", self._wrong)
        if _differ(request.arguments, self._given):  # a middleware changed them, perhaps where they are
            try:
                arguments = callee.arguments.check(request.arguments)
            except InvalidArguments as error:
                return self._invalid(error)
        if arguments is None:
            return cast("ToolOutcome", self._wrong)
        return await self._approved(callee, arguments)

    async def _approved(self, callee: Callee, arguments: dict[str, Any]) -> ToolOutcome:
        runner = self._site.runner
        if not await needs_approval(callee.requires_approval, arguments, runner):
            return await self._run(callee, arguments)
        async with self._site.asking:
            decision = await decide(self._site.approve, self._call.name, arguments, runner)
        if self._site.decided:
            self._site.decided(self._call, decision)
        if decision.approved:
            return replace(await self._run(callee, arguments), approved_by=decision.decided_by)
        reason = f": {decision.reason}" if decision.reason else ""
        text = f"The call of {self._call.name!r} was not approved, and was not made{reason.rstrip('.')}."
        return ToolOutcome(self._call, "denied", text)

    async def _run(self, callee: Callee, arguments: dict[str, Any]) -> ToolOutcome:
        function = partial(callee.function, **arguments)
        timer = _Timer(callee.timeout_s, self._site.queued)
        try:
            async with timer.limit:
                found = await _result(function, self._site.runner, timer)
        except KeyboardInterrupt:  # it would end the thread that the event loop runs on
            raise ToolInterrupted("interrupted") from None
        except (Exception, SystemExit, asyncio.CancelledError) as error:
            if _is_interruption(error):
                raise
            text = timer.told(function) if timer.limit.expired() else error_text(error)
            return ToolOutcome(self._call, "error", text, timer.elapsed_s, error_type=type(error).__name__)
        return ToolOutcome(
            self._call, "ok", found.text, timer.elapsed_s, images=found.images, truncated=found.truncated
        )


class _Timer:
    """The time of one call, counted from when its function starts: it may have to wait for the main thread first."""

    def __init__(self, timeout_s: float | None, queued: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._timeout_s = timeout_s
        self._watch = clock.Stopwatch()
        self._started = self._loop.time()
        until = None if timeout_s is None else self._loop.time() + timeout_s * max(queued, 1)
        self.limit = asyncio.timeout_at(until)

    @property
    def elapsed_s(self) -> float:
        return self._watch.elapsed_s

    def start(self) -> None:
        """On whatever thread the function starts."""
        self._watch.restart()
        self._started = self._loop.time()
        if self._timeout_s is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(self._restart, self._timeout_s)

    def _restart(self, timeout_s: float) -> None:
        with contextlib.suppress(RuntimeError):  # the call has ended meanwhile
            self.limit.reschedule(self._started + timeout_s)

    def told(self, function: partial[object]) -> str:
        running = "" if inspect.iscoroutinefunction(function) else " It may still be running."
        return f"Timed out after {self._timeout_s:g} s.{running}"


async def _result(function: partial[object], runner: IToolRunner, timer: _Timer) -> Described:
    """What the function gave, put into words where it ran: reading a table or drawing a figure is work, and belongs to
    the thread that made it."""
    if inspect.iscoroutinefunction(function):
        timer.start()
        value = await function()
    else:
        value = await called(partial(_described_there, function, timer), runner)
    return value if isinstance(value, Described) else cast("Described", await called(partial(described, value), runner))


def _described_there(function: Callable[[], object], timer: _Timer) -> object:
    timer.start()
    value = function()
    return value if inspect.isawaitable(value) else described(value)


def _is_interruption(error: BaseException) -> bool:
    """Whether it ends the turn; a tool may also raise a CancelledError of its own, which is an error as any other."""
    if isinstance(error, ToolInterrupted):
        return True
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling() > 0


def _differ(arguments: Mapping[str, Any], given: Mapping[str, Any]) -> bool:
    return arguments.keys() != given.keys() or any(value is not given[name] for name, value in arguments.items())


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
