"""Chooses the statements that a digest's tokens are spent on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from victor_nb.context.digest_statements import Statement
from victor_nb.context.digest_wording import tight
from victor_nb.context.tokens import estimate_text

_HEAD: Final = 30  # tokens of a digest's own lines
WORTHY: Final = 2.0  # the worth from which a statement is kept before others
_SURELY: Final = 3.0
_PER_LINE: Final = 5  # added to the price when ranking, so that short scraps don't win


@dataclass(frozen=True, slots=True)
class Choice:
    """`left` are those that found no room, in order."""

    chosen: list[Statement]
    left: list[Statement]
    tokens: int


def price(statement: Statement, ratio: float) -> float:
    """Tokens of an entry, its line end included; `ratio` is counted tokens per estimated one."""
    return (_tokens(statement.text) + 1) * ratio


@lru_cache(maxsize=1 << 13)
def _tokens(text: str) -> int:
    return estimate_text(text)


def choose(said: Sequence[Statement], room: float, least: float, ratio: float, spare: float | None = None) -> Choice:
    """The worthiest within `room` tokens; what is worth less than `least` is not even left.

    Of `spare` tokens at most are spent on statements below `WORTHY`.
    """
    worth_it = [s for s in said if s.worth >= least]
    prices = [price(s, ratio) for s in worth_it]
    spent = _HEAD * ratio
    for_others = room if spare is None else spare
    chosen: set[int] = set()
    short = False
    density = [-_gain(s) / (p + _PER_LINE) for s, p in zip(worth_it, prices, strict=True)]
    for n in sorted(range(len(worth_it)), key=lambda n: (worth_it[n].worth < WORTHY, density[n])):
        worthy = worth_it[n].worth >= WORTHY
        if not worthy and spare is not None and short:
            break  # what is left is worth less than what found no room
        if spent + prices[n] <= room and (worthy or prices[n] <= for_others):
            spent += prices[n]
            for_others -= 0 if worthy else prices[n]
            chosen.add(n)
        short = short or (worthy and n not in chosen)
    return Choice(
        [s for n, s in enumerate(worth_it) if n in chosen],
        [s for n, s in enumerate(worth_it) if n not in chosen],
        int(spent) if chosen else 0,
    )


def _gain(statement: Statement) -> float:
    """What keeping it is worth: of two that are surely worth it, the shorter one leaves room for a third."""
    over = 0.0 if statement.shape.rule else max(statement.worth - _SURELY, 0.0)
    return statement.worth - 0.9 * over


def tightened(said: Sequence[Statement]) -> list[Statement]:
    """The same in fewer words, where a value is given to something."""
    return [s if s.shape.rule or s.worth < WORTHY or not s.shape.value else _tightened(s) for s in said]


def _tightened(statement: Statement) -> Statement:
    text = tight(statement.text)
    return statement if text == statement.text else replace(statement, shape=replace(statement.shape, text=text))
