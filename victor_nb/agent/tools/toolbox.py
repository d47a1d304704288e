"""Tools: plain functions that a model may call, and the toolbox that holds a turn's.

What comes of a call is `dispatch`'s business, and where a function runs the runner's.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar, cast, overload

from victor_nb.agent.tools.approval import Approve, NeedsApproval
from victor_nb.agent.tools.arguments import IArguments, ModelledArguments
from victor_nb.agent.tools.dispatch import Around, Callee, CallSite, Dispatch
from victor_nb.agent.tools.docs import described_in
from victor_nb.agent.tools.outcome import ToolOutcome
from victor_nb.agent.tools.schema import arguments_model, check_function, parameters_schema, plain_function, tool_name
from victor_nb.errors import ToolDefinitionError
from victor_nb.messages import ToolCall, ToolSpec
from victor_nb.protocols import IToolRunner, ToolFunction

F = TypeVar("F", bound=Callable[..., object])

MAX_RESULT_CHARS: Final = 50_000
_ATTRIBUTE: Final = "__victor_tool__"
_MADE: Final = "__victor_tool_made__"


@dataclass(frozen=True, slots=True)
class ToolOptions:
    """What `@tool(…)` said. `timeout_s` is in seconds; None leaves it to the settings."""

    name: str | None = None
    description: str | None = None
    requires_approval: NeedsApproval = False
    timeout_s: float | None = None


_PLAIN: Final = ToolOptions()


@dataclass(frozen=True, slots=True)
class Tool:
    """A function as a model sees it, and how its arguments are checked. Make one with `Tool.of(function)`."""

    function: ToolFunction
    spec: ToolSpec
    arguments: IArguments
    options: ToolOptions = _PLAIN

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
        options = _options(function)
        made: Tool | None = getattr(function, "__dict__", {}).get(_MADE)
        if made is None or made.options is not options or made.function is not function:
            made = cls._made(function, options)
            with contextlib.suppress(AttributeError, TypeError):  # a bound method takes no attributes
                setattr(function, _MADE, made)
        return made

    @classmethod
    def _made(cls, function: ToolFunction, options: ToolOptions) -> Tool:
        name = tool_name(function, options.name)
        check_function(function, name)
        docs = described_in(function)
        model, fields, always = arguments_model(function, name, docs.parameters)
        description = docs.description if options.description is None else options.description
        spec = ToolSpec(name, description, parameters_schema(model, name))
        return cls(function, spec, ModelledArguments(spec, model, fields, always), options)


def _options(function: ToolFunction) -> ToolOptions:
    """What `@tool` said of the function, also when it is wrapped in a `functools.partial` or is an object's
    `__call__`: a tool that needs an approval must not lose that on the way."""
    for found in (function, plain_function(function)):
        options = getattr(found, _ATTRIBUTE, None)
        if isinstance(options, ToolOptions):
            return options
    return _PLAIN


@overload
def tool(function: F, /) -> F: ...
@overload
def tool(
    *,
    name: str | None = None,
    description: str | None = None,
    requires_approval: NeedsApproval = False,
    timeout_s: float | None = None,
) -> Callable[[F], F]: ...
def tool(
    function: F | None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    requires_approval: NeedsApproval = False,
    timeout_s: float | None = None,
) -> F | Callable[[F], F]:
    """Mark a function as a tool, bare or with options. It stays the function it was.

    Args:
        name: instead of the function's own; up to 64 ASCII letters, digits, _ and -.
        description: instead of the docstring's.
        requires_approval: True, or a function of the arguments (a dict) that says whether this call needs one.
        timeout_s: seconds after which a call is given up.

    Raises ToolDefinitionError when an option cannot be used, or the function can be no tool.
    """
    given = cast("object", timeout_s)
    if given is not None and (isinstance(given, bool) or not isinstance(given, int | float) or not given > 0):
        raise ToolDefinitionError(f"timeout_s is {timeout_s!r}.", hint="Give seconds above 0.")
    if not isinstance(requires_approval, bool) and not callable(requires_approval):
        raise ToolDefinitionError(
            f"requires_approval is {requires_approval!r}.", hint="Give True, False, or a function of the arguments."
        )
    options = ToolOptions(name, description, requires_approval, timeout_s)

    def mark(function: F) -> F:
        if not callable(function):
            raise ToolDefinitionError(f"{function!r} is no tool.", hint="Write @tool above a function.")
        check_function(function, tool_name(function, name))
        setattr(function, _ATTRIBUTE, options)
        return function

    return mark if function is None else mark(function)


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
        self,
        call: ToolCall,
        runner: IToolRunner | CallSite,
        approve: Approve | None = None,
        around: Around | None = None,
    ) -> ToolOutcome:
        """Make one call, for `runner` alone or for a whole call site. `approve(tool name, arguments)` decides on tools
        that require it; without it they are denied. `around` is the middleware, which sees every call once.

        Raises only CancelledError (ToolInterrupted among them), and what `around` raises.
        """
        site = runner if isinstance(runner, CallSite) else CallSite(runner, approve, around)
        return await Dispatch(call, self._callee(call.name), self._tools, site).outcome(self._max_result_chars)

    def _callee(self, name: str) -> Callee | None:
        found = self._tools.get(name)
        if found is None:
            return None
        timeout_s = self._timeout_s if found.options.timeout_s is None else found.options.timeout_s
        return Callee(found.function, found.arguments, found.options.requires_approval, timeout_s)
