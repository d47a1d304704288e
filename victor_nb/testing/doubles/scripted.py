"""A model that answers from a script, for tests of notebooks and of code that uses victor_nb.

It is a whole chat model with honest word counts, not a mock: it streams, calls tools, fails and breaks off as told,
and keeps every request it was sent.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter, deque
from collections.abc import AsyncGenerator

from victor_nb.messages import Message, ModelDelta, ModelReply, ModelRequest, Usage
from victor_nb.models.prices import at_price
from victor_nb.models.retries import ask_again
from victor_nb.testing.doubles.replies import Reply, Scripted, ScriptError, When, as_reply, shown

_WORD = re.compile(r"\S+\s*|\s+")


class ScriptedModel:
    """Gives `answers` one after the other, each to one request.

    An answer is a text (streamed word by word), a tool call or several, an exception to raise (see `fail`), a `Reply`,
    or a function of the request that returns one of these. Those of `when(pattern, …)` go first where they fit, however
    often. A request beyond the last answer raises ScriptError.

    Args:
        delay_s: seconds before each piece of an answer.
        attempts: how often one request is sent while it fails with an error that says `retryable`; it waits as long as
            `retry_after` says, and not at all otherwise.
        piece_chars: stream pieces of so many characters in place of words.
        price: US dollars per million tokens of input and of output.

    Attributes:
        requests: all that was sent, each attempt.
    """

    def __init__(
        self,
        *answers: Scripted,
        name: str = "scripted",
        provider: str = "scripted",
        delay_s: float = 0.0,
        context_window: int | None = None,
        attempts: int = 1,
        piece_chars: int | None = None,
        price: tuple[float, float] | None = None,
    ) -> None:
        self.name = name
        self.provider = provider
        self.base_url: str | None = None
        self.context_window = context_window
        self.delay_s = delay_s
        self.requests: list[ModelRequest] = []
        self._attempts = attempts
        self._piece = _WORD if piece_chars is None else re.compile(f"(?s).{{1,{piece_chars}}}")
        self._price = price
        self._rules: list[When] = []
        self._given: Counter[int] = Counter()
        self._answers: deque[Scripted] = deque()
        self.add(*answers)

    def add(self, *answers: Scripted) -> None:
        """Go on with these behind the answers that are left."""
        self._rules += [answer for answer in answers if isinstance(answer, When)]
        self._answers += [answer for answer in answers if not isinstance(answer, When)]

    @property
    def unused(self) -> list[str]:
        """The answers that no request has come to yet, in a few words each."""
        rules = [rule for number, rule in enumerate(self._rules) if self._given[number] < len(rule.answers)]
        return [shown(answer) for answer in (*self._answers, *rules)]

    def assert_all_used(self) -> None:
        """
        Raises:
            AssertionError: there are answers that no request has come to.
        """
        if unused := self.unused:
            asked = len(self.requests)
            raise AssertionError(
                f"{_count(len(unused), 'answer')} of the script {'was' if len(unused) == 1 else 'were'} not used, "
                f"in {_count(asked, 'request')}: {', '.join(unused)}"
            )

    async def request(self, request: ModelRequest) -> ModelReply:
        reply, attempts = await ask_again(lambda: self._ended(request), self._attempts, _at_once)
        return self._whole(reply, request, attempts)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelDelta | ModelReply, None]:
        reply, attempts = await ask_again(lambda: self._begun(request), self._attempts, _at_once)
        for delta in self._deltas(reply):
            await asyncio.sleep(self._delay_s(reply))
            yield delta
        if reply.error is not None:
            raise reply.error
        yield self._whole(reply, request, attempts)

    async def _begun(self, request: ModelRequest) -> Reply:
        """Up to the first piece."""
        reply = self._next(request)
        if reply.first_s:
            await asyncio.sleep(reply.first_s)
        if reply.error is not None and not self._deltas(reply):
            raise reply.error
        return reply

    async def _ended(self, request: ModelRequest) -> Reply:
        """Up to the last piece."""
        reply = await self._begun(request)
        await asyncio.sleep(self._delay_s(reply) * len(self._deltas(reply)))
        if reply.error is not None:
            raise reply.error
        return reply

    def _next(self, request: ModelRequest) -> Reply:
        self.requests.append(request)
        answer = self._by_content(request)
        if answer is None:
            if not self._answers:
                raise self._ran_out(request)
            answer = self._answers.popleft()
        return as_reply(answer(request) if callable(answer) else answer)

    def _by_content(self, request: ModelRequest) -> Scripted | None:
        for number, rule in enumerate(self._rules):
            if rule.fits(request):
                self._given[number] += 1
                return rule.answers[min(self._given[number], len(rule.answers)) - 1]
        return None

    def _ran_out(self, request: ModelRequest) -> ScriptError:
        asked = f", {shown(request.messages[-1].content)}" if request.messages else ""
        rules = f" It fits none of {', '.join(map(shown, self._rules))}." if self._rules else ""
        return ScriptError(
            f"ScriptedModel has no answer for request {len(self.requests)}{asked}.{rules}",
            hint="Give it one answer per model request; a tool call's result is another request.",
        )

    def _deltas(self, reply: Reply) -> list[ModelDelta]:
        thoughts = [ModelDelta(reasoning=piece) for piece in self._piece.findall(reply.reasoning)]
        texts = [ModelDelta(text=piece) for piece in reply.pieces or self._piece.findall(reply.text)]
        return [*thoughts, *texts, *(ModelDelta(tool_name=call.name) for call in reply.tool_calls)]

    def _delay_s(self, reply: Reply) -> float:
        return self.delay_s if reply.delay_s is None else reply.delay_s

    def _whole(self, reply: Reply, request: ModelRequest, attempts: int) -> ModelReply:
        message = Message("assistant", reply.content, tool_calls=tuple(reply.tool_calls))
        usage = reply.usage or Usage(_words(*request.messages), _words(message))
        cost_usd = at_price(usage, self._price) if reply.cost_usd is None and self._price else reply.cost_usd
        return ModelReply(
            message,
            usage,
            self.name,
            self.provider,
            finish_reason=reply.finish_reason or ("tool_call" if reply.tool_calls else "stop"),
            reasoning=reply.reasoning,
            cost_usd=cost_usd,
            cost_source=None if cost_usd is None else "script",
            attempts=attempts,
            complete=reply.complete,
        )


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _at_once(attempt: int) -> float:
    return 0.0


def _words(*messages: Message) -> int:
    texts = [text for m in messages for text in (m.content, *(f"{c.name} {c.arguments}" for c in m.tool_calls))]
    return sum(len(text.split()) for text in texts)
