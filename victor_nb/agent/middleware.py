"""The onion: what a user's middleware does around each model request and each tool call, and what it may not.

Every layer sees every call exactly once, whatever the others do: where one answers itself, denies or fails, those
inside it are called all the same, and their `next` gives that answer, or raises that error. Where one denies, no other
can take it back. Knows neither models nor tools, only what goes in and comes out.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from victor_nb.agent.tools.outcome import ToolOutcome
from victor_nb.errors import DeniedError, MiddlewareError
from victor_nb.messages import ModelReply, ModelRequest, ToolRequest
from victor_nb.protocols import IMiddleware

R = TypeVar("R", ModelRequest, ToolRequest)
A = TypeVar("A", ModelReply, ToolOutcome)

_SHAPE = "async def __call__(self, request, next)"


@dataclass(frozen=True, slots=True)
class _Layer:
    """One middleware of the user's."""

    name: str
    call: Callable[[Any, Callable[[Any], Awaitable[Any]]], object]


class Middlewares:
    """Those of an orchestrator, outermost first. Each is an object with `__call__(request, next)`, or such a function;
    plain or async.

    Raises TypeError for what is none.
    """

    def __init__(self, given: Iterable[IMiddleware] = ()) -> None:
        if callable(given) or isinstance(given, str | bytes) or not isinstance(given, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"middleware takes a list, not {_described(given)}: use middleware=[…]")
        self._layers = tuple(_layer(number, one) for number, one in enumerate(given))

    def __len__(self) -> int:
        return len(self._layers)

    async def around_request(
        self, request: ModelRequest, send: Callable[[ModelRequest], Awaitable[ModelReply]]
    ) -> ModelReply:
        """What comes out when `send` is the innermost.

        Raises what a middleware raises, DeniedError above all, and MiddlewareError when one breaks the rules.
        """
        if not self._layers:
            return await send(request)
        return await _Passage(self._layers, send, ModelRequest, ModelReply, _check_reply).go(request)

    async def around_tool(
        self, request: ToolRequest, run: Callable[[ToolRequest], Awaitable[ToolOutcome]]
    ) -> ToolOutcome:
        """As `around_request`; but a call that is denied has an outcome that says so."""
        if not self._layers:
            return await run(request)
        made = False

        async def noted(request: ToolRequest) -> ToolOutcome:
            nonlocal made
            made = True
            return await run(request)

        try:
            return await _Passage(self._layers, noted, ToolRequest, ToolOutcome, _check_outcome(request)).go(request)
        except DeniedError as error:
            what = "result was withheld" if made else "call was denied, and not made"
            text = f"{request.name}: the {what}: {error}"
            return ToolOutcome(request.call, "denied", text, error_type=type(error).__name__)


class _Passage(Generic[R, A]):
    """The way of one call through the layers and back."""

    def __init__(
        self,
        layers: tuple[_Layer, ...],
        inmost: Callable[[R], Awaitable[A]],
        request: type[R],
        answer: type[A],
        check: Callable[[object], str | None],
    ) -> None:
        self._layers = layers
        self._inmost = inmost
        self._request = request
        self._answer = answer
        self._check = check
        self._denied: DeniedError | None = None

    async def go(self, request: R) -> A:
        try:
            answer = await self.enter(0, request)
        except Exception as error:
            if self._denied and error is not self._denied:
                raise self._denied from error
            raise
        if self._denied:
            raise self._denied
        return answer

    async def enter(self, depth: int, request: R) -> A:
        """Through the layers from `depth` inwards."""
        if depth == len(self._layers):
            return await self._inmost(request)
        layer = self._layers[depth]
        further = _Next(self, depth, layer.name)
        try:
            answer = await self._answer_of(layer, request, further)
        except Exception as error:
            if isinstance(error, DeniedError):
                self._denied = self._denied or error
            if not further.used:
                self._inmost = _raising(error)
                await self.enter(depth + 1, request)
            raise
        if further.used:
            return answer
        self._inmost = _giving(answer)
        return await self.enter(depth + 1, request)

    async def _answer_of(self, layer: _Layer, request: R, further: _Next[R, A]) -> A:
        try:
            found = layer.call(request, further)
            answer = await cast("Awaitable[object]", found) if inspect.isawaitable(found) else found
        finally:
            left_running = await further.close()
        if left_running:
            raise MiddlewareError(f"{layer.name} returned before its next() had.", hint="Write `await next(request)`.")
        return self.checked(answer, self._answer, f"{layer.name} returned")

    def checked_request(self, request: object, layer: str) -> R:
        return self.checked(request, self._request, f"{layer} called next() with")

    def checked(self, value: object, wanted: type[Any], what: str) -> Any:
        if not isinstance(value, wanted):
            if inspect.iscoroutine(value):
                value.close()
            hint = "`return await next(request)` gives what is inside." if wanted is self._answer else ""
            raise MiddlewareError(f"{what} {_described(value)}, not a {wanted.__name__}.", hint=hint)
        if wrong := self._check(value):
            raise MiddlewareError(f"{what} {wrong}.")
        return value


class _Next(Generic[R, A]):
    """What a layer is given to go on with, once."""

    def __init__(self, passage: _Passage[R, A], depth: int, layer: str) -> None:
        self.used = False
        self._passage = passage
        self._depth = depth
        self._layer = layer
        self._over = False
        self._task: asyncio.Task[Any] | None = None

    async def __call__(self, request: R) -> A:
        if self._over:
            raise MiddlewareError(f"{self._layer} called next() when it had returned.", hint="Await it before.")
        if self.used:
            raise MiddlewareError(
                f"{self._layer} called next() a second time.",
                hint="A call goes through once; requests that fail are sent again by the model itself.",
            )
        checked = self._passage.checked_request(request, self._layer)
        self.used = True
        self._task = asyncio.current_task()
        try:
            return await self._passage.enter(self._depth + 1, checked)
        finally:
            self._task = None

    async def close(self) -> bool:
        """No more of it: the layer has ended. Whether what is inside was still going on; it is stopped then."""
        self._over = True
        running = self._task
        if running is None:
            return False
        running.cancel()
        await asyncio.wait([running])
        return True


def _giving(answer: A) -> Callable[[object], Awaitable[A]]:
    async def give(request: object) -> A:
        return answer

    return give


def _raising(error: Exception) -> Callable[[object], Awaitable[Any]]:
    async def fail(request: object) -> Any:
        raise error

    return fail


def _check_reply(value: object) -> str | None:
    if isinstance(value, ModelReply) and value.message.role != "assistant":
        return f"a message of the role {value.message.role!r}, not the assistant's"
    return None


def _check_outcome(sent: ToolRequest) -> Callable[[object], str | None]:
    def check(value: object) -> str | None:
        if not isinstance(value, ToolRequest):
            return None
        if (value.call, value.session_id, value.turn_id) != (sent.call, sent.session_id, sent.turn_id):
            return "another call; only `arguments` may be changed, as in dataclasses.replace(request, arguments=…)"
        if not isinstance(value.arguments, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
            return f"arguments that are {_described(value.arguments)}, not a dict"
        return None

    return check


def _layer(number: int, given: object) -> _Layer:
    if isinstance(given, type):
        raise TypeError(f"middleware[{number}] is the class {given.__name__}: give an object of it, {given.__name__}()")
    if not callable(given):
        raise TypeError(f"middleware[{number}] is {_described(given)}, which has no {_SHAPE}")
    name = getattr(given, "__qualname__", None) or type(given).__name__
    body = given if inspect.isroutine(given) else type(given).__call__
    if inspect.isasyncgenfunction(body) or inspect.isgeneratorfunction(body):
        raise TypeError(f"middleware[{number}], {name}, yields: it must return the answer, as {_SHAPE}")
    try:
        inspect.signature(given).bind(None, None)
    except TypeError:
        raise TypeError(f"middleware[{number}], {name}, does not take (request, next), as {_SHAPE}") from None
    except ValueError:  # a builtin tells no signature
        pass
    return _Layer(name, cast("Callable[[Any, Any], object]", given))


def _described(value: object) -> str:
    return "None" if value is None else f"a {type(value).__name__}"
