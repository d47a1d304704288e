"""Replays a stream against something that keeps a context, and measures what it would have sent.

The counting of tokens, the check of validity and the cache are written here anew, from what providers document, so that
nothing of the package under test judges itself.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from _planted_dialects import Fact, attribute_of
from _planted_stream import RULE, Planted, Stream

from victor_nb.messages import Message

_PIECE = re.compile(r"[A-Za-z]{1,6}|\d{1,3}|[^\sA-Za-z\d]|\n")
NEAR = 120
"""Characters between what a fact is about and its value for it to count as recalled."""


def count(message: Message) -> int:
    """Tokens, as by a tokenizer that cuts words after six letters and numbers after three digits."""
    calls = sum(len(_PIECE.findall(call.name + call.arguments)) + 6 for call in message.tool_calls)
    return 4 + len(_PIECE.findall(message.content)) + calls


def count_all(messages: Sequence[Message]) -> int:
    return sum(map(count, messages))


class Player(Protocol):
    """A keeper of context. `request` is asked for the messages to send after `add` has told of the new ones."""

    name: str
    summary_tokens: int

    async def add(self, message: Message) -> None: ...
    async def request(self) -> Sequence[Message]: ...
    async def end_of_turn(self) -> None: ...


@dataclass
class Score:
    """One stream, replayed. `cost` is in thousand tokens: new input + a tenth of the cached + the summariser's."""

    recalled: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    rule_kept: bool = True
    stale: int = 0
    over_budget: int = 0
    invalid: int = 0
    failed: int = 0
    requests: int = 0
    tokens: int = 0
    cached: int = 0
    cost: float = 0.0
    cpu_s: float = 0.0

    @property
    def recall(self) -> float:
        return sum(found for found, _ in self.recalled.values()) / max(1, sum(of for _, of in self.recalled.values()))


async def replay(stream: Stream, player: Player, budget: int) -> Score:
    score = Score()
    before: list[str] = []
    sent: Sequence[Message] = ()
    for turn in stream.turns:
        for message in turn:
            if message.role == "assistant":
                began = time.process_time()
                try:
                    sent = await player.request()
                except Exception as error:
                    print(f"{player.name}: {type(error).__name__}: {error}")
                    score.failed += 1
                score.cpu_s += time.process_time() - began
                before = _score_request(score, sent, before, budget)
            await player.add(message)
        await player.end_of_turn()
    score.cost += player.summary_tokens / 1000
    sent = await player.request()
    text = "\n".join(message.content for message in sent)
    for planted in stream.planted:
        found, of = score.recalled.get(planted.origin, (0, 0))
        score.recalled[planted.origin] = (found + is_recalled(planted.fact, text), of + 1)
        score.stale += is_stale(planted, text)
    return score


def _score_request(score: Score, sent: Sequence[Message], before: list[str], budget: int) -> list[str]:
    tokens = count_all(sent)
    texts = [wire_text(message) for message in sent]
    cached = _cached(before, texts, sent)
    score.requests += 1
    score.tokens += tokens
    score.cached += cached
    score.cost += (tokens - cached + 0.1 * cached) / 1000
    score.over_budget += tokens > budget
    score.invalid += is_invalid(sent)
    score.rule_kept &= any(RULE in text for text in texts)
    return texts


def wire_text(message: Message) -> str:
    calls = "".join(f"<{call.id} {call.name} {call.arguments}>" for call in message.tool_calls)
    return f"{message.role}|{message.tool_call_id}|{message.content}{calls}"


def _cached(before: list[str], now: list[str], sent: Sequence[Message]) -> int:
    """Tokens of the longest common beginning of two requests."""
    total = 0
    for old, new, message in zip(before, now, sent, strict=False):
        if old != new:
            same = next((n for n, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
            return total + len(_PIECE.findall(new[:same]))
        total += count(message)
    return total


def is_invalid(sent: Sequence[Message]) -> bool:
    """Whether a provider would refuse it: order of roles, pairs of calls and results, empty messages."""
    rest = [message for message in sent if message.role != "system"]
    if not rest or rest[0].role != "user" or any(message.role == "system" for message in sent[1:]):
        return True
    waiting: set[str] = set()
    for message in rest:
        if message.role == "tool":
            if message.tool_call_id not in waiting:
                return True
            waiting.discard(message.tool_call_id)
        elif waiting:
            return True
        if not message.content and not message.tool_calls:
            return True
        waiting |= {call.id for call in message.tool_calls}
    return bool(waiting) or rest[-1].role == "assistant"


def is_recalled(fact: Fact, text: str) -> bool:
    """Whether the value stands near to what it is about, its subject and attribute."""
    for place in _places(fact.value, text):
        around = text[max(0, place - NEAR) : place + len(fact.value) + NEAR]
        if fact.subject in around and attribute_of(fact) in around:
            return True
    return False


def is_stale(planted: Planted, text: str) -> bool:
    """Whether an older value is told, and the latest is not."""
    old = [Fact(planted.fact.subject, planted.fact.attribute, value) for value in planted.stale]
    return not is_recalled(planted.fact, text) and any(is_recalled(fact, text) for fact in old)


def _places(value: str, text: str) -> list[int]:
    return [found.start() for found in re.finditer(rf"(?<![\w.]){re.escape(value)}(?!\w)", text)]
