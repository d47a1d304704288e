"""The conversation of the PlantedFacts benchmark: turns with tool calls, facts planted in them, some overwritten later.

Everything follows from the seed. The facts' words and their surroundings come from `_planted_dialects`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Literal, TypeAlias

from _planted_dialects import DIALECTS, Fact, filler, new_fact, overwritten, woven

from victor_nb.messages import Message, ToolCall

Origin: TypeAlias = Literal["user", "assistant", "tool"]
SHARES: dict[Origin, float] = {"user": 0.35, "assistant": 0.25, "tool": 0.40}
RULE = "Never write to the table prod_billing, whatever I ask later."
GOAL = "Our goal: bring the nightly forecast of store 7731 below 4 % error before the review."


@dataclass(frozen=True)
class Planted:
    """A fact's latest value, where it was first said, and what was said before."""

    fact: Fact
    origin: Origin
    stale: tuple[str, ...] = ()


@dataclass
class Stream:
    """`turns` are the messages of each turn, a request being due before each assistant message."""

    turns: list[list[Message]] = field(default_factory=list[list[Message]])
    planted: list[Planted] = field(default_factory=list[Planted])
    first_said: list[int] = field(default_factory=list[int])
    """For each planted fact, the number of the turn that says its latest value."""

    def messages(self) -> Iterator[Message]:
        for turn in self.turns:
            yield from turn

    @property
    def requests(self) -> int:
        return sum(message.role == "assistant" for message in self.messages())


@dataclass(frozen=True)
class Recipe:
    """What a stream is like. `noise` is the share of numbers (or `identifiers`) among the filler words."""

    seed: int = 0
    turns: int = 60
    facts: int = 120
    overwrites: float = 0.15
    noise: float = 0.0
    dialect: str = "mixed"
    rich: bool = False
    identifiers: bool = False

    def filler(self, random: Random, shortest: int, longest: int) -> list[str]:
        words = random.randint(shortest, longest)
        return filler(random, words, self.noise, rich=self.rich, identifiers=self.identifiers)


@dataclass(frozen=True)
class _Said:
    turn: int
    origin: Origin
    fact: Fact
    again: bool


def make_stream(recipe: Recipe) -> Stream:
    random = Random(f"{recipe.seed}/{recipe.dialect}/{recipe.noise}/{recipe.turns}")
    tool_calls = [random.choice((1, 2)) if random.random() < 0.75 else 0 for _ in range(recipe.turns)]
    said, planted, at = _plan(random, recipe, tool_calls)
    stream = Stream(planted=planted, first_said=at)
    for turn, calls in enumerate(tool_calls):
        here = [item for item in said if item.turn == turn]
        stream.turns.append(_turn(random, recipe, turn, calls, here))
    return stream


def _plan(random: Random, recipe: Recipe, tool_calls: list[int]) -> tuple[list[_Said], list[Planted], list[int]]:
    taken: set[tuple[str, str]] = set()
    said: list[_Said] = []
    planted: list[Planted] = []
    at: list[int] = []
    last = recipe.turns - 1
    for number in range(recipe.facts):
        origin: Origin = random.choices(list(SHARES), list(SHARES.values()))[0]
        turn = _a_turn(random, 0, last, origin, tool_calls)
        fact = new_fact(random, taken)
        said.append(_Said(turn, origin, fact, again=False))
        stale: tuple[str, ...] = ()
        if number < recipe.facts * recipe.overwrites and turn < last - 1:
            stale, fact = (fact.value,), overwritten(random, fact)
            turn = _a_turn(random, turn + 1, last, origin, tool_calls)
            said.append(_Said(turn, origin, fact, again=True))
        planted.append(Planted(fact, origin, stale))
        at.append(turn)
    return said, planted, at


def _a_turn(random: Random, first: int, last: int, origin: Origin, tool_calls: list[int]) -> int:
    """A turn that has a message of `origin`, not before `first`."""
    fit = [turn for turn in range(first, last + 1) if origin != "tool" or tool_calls[turn]]
    return random.choice(fit) if fit else last


def _turn(random: Random, recipe: Recipe, turn: int, calls: int, said: list[_Said]) -> list[Message]:
    origins: dict[Origin, list[str]] = {"user": [], "assistant": [], "tool": []}
    sentences = DIALECTS[recipe.dialect]
    for item in said:
        origin: Origin = "assistant" if item.origin == "tool" and not calls else item.origin
        origins[origin].append(random.choice(sentences)(random, item.fact, item.again))
    question = woven(random, recipe.filler(random, 8, 40), origins["user"])
    opening = f"{GOAL} {RULE} {question}" if turn == 0 else f"{question} What do you make of it?"
    messages = [Message("user", opening)]
    for number in range(calls):
        call = ToolCall(f"call-{turn}-{number}", "inspect", f'{{"part": {turn * 10 + number}}}')
        here = origins["tool"][number::calls]
        text = woven(random, recipe.filler(random, 150, 700), here)
        messages.append(Message("assistant", "", tool_calls=(call,)))
        messages.append(Message("tool", text, tool_call_id=call.id, tool_name=call.name))
    answer = woven(random, recipe.filler(random, 15, 70), origins["assistant"])
    return [*messages, Message("assistant", answer)]
