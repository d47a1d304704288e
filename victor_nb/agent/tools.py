"""Tools: plain functions that a model may call, and what comes of a call.

Whatever the model writes or the function does ends as a `ToolOutcome` with a text for the model; only a cancellation or
an interrupt passes through. Where a function runs is the runner's business.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, TypeAlias, TypeVar, cast, overload

from pydantic import BaseModel, ValidationError

from victor_nb.agent.tool_schema import arguments_model, parameters_schema, summary, tool_name
from victor_nb.agent.tool_text import capped, error_text, result_text
from victor_nb.errors import ToolDefinitionError, did_you_mean
from victor_nb.messages import ToolCall, ToolRequest, ToolSpec, ToolStatus
from victor_nb.protocols import IToolRunner, ToolFunction

__all__ = ["Approve", "Tool", "ToolInterrupted", "ToolOptions", "ToolOutcome", "Toolbox", "tool"]

Approve: TypeAlias = Callable[[str, dict[str, Any]], bool | Awaitable[bool]]
F = TypeVar("F", bound=Callable[..., object])

MAX_RESULT_CHARS: Final = 50_000
_ATTRIBUTE: Final = "__victor_tool__"
_MADE: Final = "__victor_tool_made__"


class ToolInterrupted(asyncio.CancelledError):
    """The user interrupted a tool, where nothing could cancel the task that called it."""


@dataclass(frozen=True, slots=True)
class ToolOptions:
    """What `@tool(…)` said. `timeout_s` is in seconds; None leaves it to the settings."""

    name: str | None = None
    description: str | None = None
    requires_approval: bool = False
    timeout_s: float | None = None


_PLAIN: Final = ToolOptions()


@dataclass(frozen=True, slots=True)
class Tool:
    """A function as a model sees it. Make one with `Tool.of(function)`."""

    function: ToolFunction
    spec: ToolSpec
    options: ToolOptions = _PLAIN
    arguments: type[BaseModel] = field(default=BaseModel, repr=False)
    fields: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)

    @property
    def name(self) -> str:
        return self.spec.name

    @classmethod
    def of(cls, function: ToolFunction | Tool) -> Tool:
        """Raises ToolDefinitionError when a model could not be told how to call it."""
        if isinstance(function, Tool):
            return function
        if not callable(function):
            raise ToolDefinitionError(f"{function!r} is no tool.", hint="Give a function.")
        options: ToolOptions = getattr(function, _ATTRIBUTE, _PLAIN)
        made: Tool | None = getattr(function, "__dict__", {}).get(_MADE)
        if made is None or made.options is not options or made.function is not function:
            made = cls._made(function, options)
            with contextlib.suppress(AttributeError, TypeError):  # a bound method takes no attributes
                setattr(function, _MADE, made)
        return made

    @classmethod
    def _made(cls, function: ToolFunction, options: ToolOptions) -> Tool:
        name = tool_name(function, options.name)
        arguments, fields = arguments_model(function, name)
        description = options.description if options.description is not None else summary(function)
        return cls(
            function, ToolSpec(name, description, parameters_schema(arguments, name)), options, arguments, fields
        )

    def parse(self, text: str) -> dict[str, Any]:
        """The arguments to call the function with. Raises pydantic's ValidationError."""
        found = self.arguments.model_validate_json(text if text.strip() else "{}")
        given = found.model_fields_set
        return {name: getattr(found, key) for name, key in self.fields.items() if key in given}


@dataclass(frozen=True, slots=True)
class ToolOutcome:
    """One call and what came of it. `text` is for the model; sizes are UTF-8 bytes, `result_bytes` those of `text`."""

    call: ToolCall
    status: ToolStatus
    text: str
    duration_s: float = 0.0
    args_bytes: int = 0
    result_bytes: int = 0
    truncated: bool = False
    error_type: str | None = None
    approved_by: str | None = None


@overload
def tool(function: F, /) -> F: ...
@overload
def tool(
    *,
    name: str | None = None,
    description: str | None = None,
    requires_approval: bool = False,
    timeout_s: float | None = None,
) -> Callable[[F], F]: ...
def tool(
    function: F | None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    requires_approval: bool = False,
    timeout_s: float | None = None,
) -> F | Callable[[F], F]:
    """Mark a function as a tool, bare or with options. It stays the function it was.

    Raises ToolDefinitionError when the time is none; a function that cannot be a tool is refused by `Tool.of`.
    """
    if timeout_s is not None and not timeout_s > 0:
        raise ToolDefinitionError(f"timeout_s is {timeout_s!r}.", hint="Give seconds above 0.")
    options = ToolOptions(name, description, requires_approval, timeout_s)

    def mark(function: F) -> F:
        setattr(function, _ATTRIBUTE, options)
        return function

    return mark if function is None else mark(function)


Around: TypeAlias = Callable[[ToolRequest, Callable[[ToolRequest], Awaitable[ToolOutcome]]], Awaitable[ToolOutcome]]
"""What stands around each call that would run, its arguments validated: given the request, and what makes the call."""


class Toolbox(Mapping[str, Tool]):
    """The tools of a turn, by name. Raises ToolDefinitionError for two of one name.

    `timeout_s` holds for tools that set none; results longer than `max_result_chars` are cut.
    """

    def __init__(
        self,
        functions: Iterable[ToolFunction | Tool] = (),
        *,
        timeout_s: float | None = None,
        max_result_chars: int = MAX_RESULT_CHARS,
    ) -> None:
        self._timeout_s = timeout_s
        self._max_result_chars = max_result_chars
        self._tools: dict[str, Tool] = {}
        for found in map(Tool.of, functions):
            if found.name in self._tools:
                raise ToolDefinitionError(f"Two tools are named {found.name!r}.", hint="Rename one: @tool(name='…').")
            self._tools[found.name] = found

    def __getitem__(self, name: str) -> Tool:
        return self._tools[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tools)

    def __len__(self) -> int:
        return len(self._tools)

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        return tuple(found.spec for found in self._tools.values())

    async def dispatch(
        self, call: ToolCall, runner: IToolRunner, approve: Approve | None = None, around: Around | None = None
    ) -> ToolOutcome:
        """Run one call. `approve(tool name, arguments)` decides on tools that require it; without it they are denied.
        `around` is the middleware: it is called once when there is such a tool and the arguments are valid.

        Raises only what `approve` and `around` raise, CancelledError and KeyboardInterrupt.
        """
        started = time.monotonic()
        outcome = await self._outcome(call, runner, approve, around)
        text, truncated = capped(outcome.text, self._max_result_chars)
        return ToolOutcome(
            call=call,
            status=outcome.status,
            text=text,
            duration_s=time.monotonic() - started,
            args_bytes=_size(call.arguments),
            result_bytes=_size(text),
            truncated=truncated,
            error_type=outcome.error_type,
            approved_by=outcome.approved_by,
        )

    async def _outcome(
        self, call: ToolCall, runner: IToolRunner, approve: Approve | None, around: Around | None
    ) -> ToolOutcome:
        found = self._tools.get(call.name)
        if found is None:
            known = ", ".join(self._tools) or "none"
            hint = did_you_mean(call.name, self._tools)
            return ToolOutcome(call, "unknown_tool", f"There is no tool {call.name!r}.{hint} Tools: {known}.")
        try:
            arguments = found.parse(call.arguments)
        except ValidationError as error:
            return ToolOutcome(call, "invalid_arguments", _shortened(error), error_type="ValidationError")

        async def make(request: ToolRequest) -> ToolOutcome:
            return await self._approved(found, request, runner, approve)

        request = ToolRequest(call, arguments)
        return await (around(request, make) if around else make(request))

    async def _approved(
        self, found: Tool, request: ToolRequest, runner: IToolRunner, approve: Approve | None
    ) -> ToolOutcome:
        call, arguments, approved_by = request.call, dict(request.arguments), None
        if found.options.requires_approval:
            if not await _is_approved(approve, call.name, arguments):
                return ToolOutcome(call, "denied", f"The call of {call.name!r} was not approved, and was not made.")
            approved_by = "user"
        return await self._run(call, found, arguments, runner, approved_by)

    async def _run(
        self, call: ToolCall, found: Tool, arguments: dict[str, Any], runner: IToolRunner, approved_by: str | None
    ) -> ToolOutcome:
        timeout_s = self._timeout_s if found.options.timeout_s is None else found.options.timeout_s
        limit = asyncio.timeout(timeout_s)
        try:
            async with limit:
                text = result_text(await _called(partial(found.function, **arguments), runner))
        except (Exception, SystemExit, asyncio.CancelledError) as error:
            if _is_interruption(error):
                raise
            text = f"Timed out after {timeout_s:g} s." if limit.expired() and timeout_s else error_text(error)
            return ToolOutcome(call, "error", text, error_type=type(error).__name__, approved_by=approved_by)
        return ToolOutcome(call, "ok", text, approved_by=approved_by)


def _is_interruption(error: BaseException) -> bool:
    """Whether it ends the turn; a tool may also raise a CancelledError of its own, which is an error as any other."""
    if isinstance(error, ToolInterrupted):
        return True
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling() > 0


async def _called(function: Callable[[], object], runner: IToolRunner) -> object:
    """A coroutine function runs on this loop; any other where the runner takes it."""
    value = function() if inspect.iscoroutinefunction(function) else await runner(partial(_stopped, function))
    return await cast("Awaitable[object]", value) if inspect.isawaitable(value) else value


def _stopped(function: Callable[[], object]) -> object:
    """No future can carry a StopIteration: one from a bare `next()` would be waited for without end."""
    try:
        return function()
    except StopIteration as error:
        raise RuntimeError(error_text(error)) from error


async def _is_approved(approve: Approve | None, name: str, arguments: dict[str, Any]) -> bool:
    if approve is None:
        return False
    answer = approve(name, arguments)
    return bool(await answer if inspect.isawaitable(answer) else answer)


def _shortened(error: ValidationError) -> str:
    """pydantic's reasons, one a line, without its links and echoes of the input."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    lines = [": ".join(filter(None, [".".join(map(str, entry["loc"])), entry["msg"]])) for entry in found[:5]]
    more = [f"… and {len(found) - 5} more"] if len(found) > 5 else []
    return "\n".join(["The arguments are not valid:", *lines, *more])


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
