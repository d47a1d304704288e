"""A model that answers from a script, for tests of notebooks and of code that uses victor_nb.

It is a whole chat model with honest word counts, not a mock: it streams, calls tools, fails and breaks off as told,
and keeps every request it was sent.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias, cast

from victor_nb.errors import VictorError
from victor_nb.messages import JsonValue, Message, ModelDelta, ModelReply, ModelRequest, ToolCall, Usage, new_id

_WORD = re.compile(r"\S+\s*|\s+")


class ScriptError(VictorError):
    """The script of a ScriptedModel has no answer for a request, or one that is none."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer told in full. With `error` the text is streamed first, then the error is raised: a broken stream.

    `usage` defaults to counts of words; `finish_reason` to `tool_call` or `stop`.
    """

    text: str = ""
    tool_calls: Sequence[ToolCall] = ()
    usage: Usage | None = None
    reasoning: str = ""
    finish_reason: str | None = None
    cost_usd: float | None = None
    error: Exception | None = None
    complete: bool = True


Answer: TypeAlias = "str | ToolCall | Sequence[ToolCall] | Exception | Reply"


def call(name: str, /, **arguments: JsonValue) -> ToolCall:
    """The answer that calls the tool `name`."""
    return ToolCall(f"call_{new_id()}", name, json.dumps(arguments, ensure_ascii=False))


def cut(text: str, error: Exception) -> Reply:
    """The answer that breaks off: `text` arrives, then `error` is raised."""
    return Reply(text, error=error)


class ScriptedModel:
    """Gives `answers` one after the other, each to one request.

    An answer is a text (streamed word by word), a tool call or several, an exception to raise, a `Reply`, or a function
    of the request that returns one of these. `requests` holds what was sent; `delay_s` is the pause in seconds before
    each piece of a stream. A request beyond the last answer raises ScriptError.
    """

    def __init__(
        self,
        *answers: Answer | Callable[[ModelRequest], Answer],
        name: str = "scripted",
        provider: str = "scripted",
        delay_s: float = 0.0,
        context_window: int | None = None,
    ) -> None:
        self.name = name
        self.provider = provider
        self.base_url: str | None = None
        self.context_window = context_window
        self.delay_s = delay_s
        self.requests: list[ModelRequest] = []
        self._answers = deque(answers)

    async def request(self, request: ModelRequest) -> ModelReply:
        reply = self._next(request)
        if reply.error is not None:
            raise reply.error
        return self._whole(reply, request)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelDelta | ModelReply, None]:
        reply = self._next(request)
        for delta in _deltas(reply):
            await asyncio.sleep(self.delay_s)
            yield delta
        if reply.error is not None:
            raise reply.error
        yield self._whole(reply, request)

    def _next(self, request: ModelRequest) -> Reply:
        self.requests.append(request)
        if not self._answers:
            raise ScriptError(
                f"ScriptedModel has no answer for request {len(self.requests)}.",
                hint="Give it one answer per model request; a tool call's result is another request.",
            )
        answer = self._answers.popleft()
        return _as_reply(answer(request) if callable(answer) else answer)

    def _whole(self, reply: Reply, request: ModelRequest) -> ModelReply:
        message = Message("assistant", reply.text, tool_calls=tuple(reply.tool_calls))
        return ModelReply(
            message,
            reply.usage or Usage(_words(*request.messages), _words(message)),
            self.name,
            self.provider,
            finish_reason=reply.finish_reason or ("tool_call" if reply.tool_calls else "stop"),
            reasoning=reply.reasoning,
            cost_usd=reply.cost_usd,
            cost_source=None if reply.cost_usd is None else "script",
            complete=reply.complete,
        )


def _as_reply(answer: object) -> Reply:
    if isinstance(answer, Reply):
        return answer
    if isinstance(answer, str):
        return Reply(answer)
    if isinstance(answer, Exception):
        return Reply(error=answer)
    calls: list[object] = list(cast("Sequence[object]", answer)) if isinstance(answer, list | tuple) else [answer]
    if calls and all(isinstance(item, ToolCall) for item in calls):
        return Reply(tool_calls=tuple(cast("list[ToolCall]", calls)))
    raise ScriptError(f"{answer!r} is no answer.", hint="Use a text, call(...), an exception or a Reply.")


def _deltas(reply: Reply) -> list[ModelDelta]:
    thoughts = [ModelDelta(reasoning=word) for word in _WORD.findall(reply.reasoning)]
    words = [ModelDelta(text=word) for word in _WORD.findall(reply.text)]
    return [*thoughts, *words, *(ModelDelta(tool_name=call.name) for call in reply.tool_calls)]


def _words(*messages: Message) -> int:
    texts = [text for m in messages for text in (m.content, *(f"{c.name} {c.arguments}" for c in m.tool_calls))]
    return sum(len(text.split()) for text in texts)
