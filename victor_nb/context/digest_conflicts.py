"""Which statements still hold: of several that give a value to the same thing the last one counts.

The same thing means the same words, whatever their order and the verbs between them. A statement that says of itself
that it corrects something ("now", "actually", "changed to") may name the thing in fewer words.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from victor_nb.context.digest_shapes import Shape
from victor_nb.context.digest_statements import Statement
from victor_nb.context.digest_wording import without

_GENERIC_TEXT: Final = """
service value parameter param setting column field variable table file model number metric property attribute key
config entry item option flag server host job task run experiment name dataset
"""
_GENERIC: Final = frozenset(_GENERIC_TEXT.split())


def latest(said: Iterable[Statement]) -> list[Statement]:
    """Those of `said` that no later one makes untrue; said twice counts once. In order."""
    held = Held()
    held.add_all(said)
    return held.left()


class Held:
    """The statements that hold, of those given one after the other."""

    def __init__(self) -> None:
        self._kept: dict[int, Statement] = {}
        self._by_key: dict[frozenset[str], list[int]] = {}
        self._by_name: dict[str, list[int]] = {}
        self._texts: set[tuple[str, str]] = set()
        self._next = 0

    def add_all(self, said: Iterable[Statement]) -> int:
        """The number from which on later ones are counted, for `since`."""
        for statement in said:
            self._add(statement)
        return self._next

    def overrule_by(self, shapes: Iterable[Shape], since: int = 0) -> None:
        """Forget what these make untrue, but nothing that was added before `since`."""
        for shape in shapes:
            self._overrule(shape, since)

    def _add(self, new: Statement) -> None:
        if (new.role, new.text) in self._texts or self._repeats(new.shape):
            return
        for old in self._overrule(new.shape):
            new = _without(new, old)
        number, self._next = self._next, self._next + 1
        self._kept[number] = new
        self._texts.add((new.role, new.text))
        self._by_key.setdefault(new.shape.key, []).append(number)
        for name in new.shape.names:
            self._by_name.setdefault(name, []).append(number)

    def _overrule(self, new: Shape, since: int = 0) -> list[Shape]:
        gone: list[Shape] = []
        if not new.value or not new.key:
            return gone
        for number in self._rivals(new):
            old = self._kept.get(number) if number >= since else None
            if old is not None and old.shape.value != new.value and contradicts(new, old.shape):
                del self._kept[number]
                self._texts.discard((old.role, old.text))
                gone.append(old.shape)
        return gone

    def left(self) -> list[Statement]:
        return list(self._kept.values())

    def _repeats(self, new: Shape) -> bool:
        if not new.value or not new.key or new.rule:
            return False
        return any(n in self._kept and self._kept[n].shape.value == new.value for n in self._by_key.get(new.key, ()))

    def _rivals(self, new: Shape) -> list[int]:
        found = list(self._by_key.get(new.key, ()))
        if new.names:
            found += min((self._by_name.get(name, []) for name in new.names), key=len)
        return found


def _without(new: Statement, old: Shape) -> Statement:
    text = without(new.text, old.value)
    if text == new.text:
        return new
    gone = frozenset(old.value.split())
    return replace(new, shape=replace(new.shape, text=text, key=new.shape.key - gone, names=new.shape.names - gone))


def _alike(new: Shape, old: Shape) -> bool:
    """Whether both values are numbers or something like it (a path, a code), or both are words."""
    return _specific(new.value) == _specific(old.value)


def _specific(value: str) -> bool:
    return any(character.isdigit() for character in value)


def contradicts(new: Shape, old: Shape) -> bool:
    """Whether both give a value to the same thing, the values being different."""
    if not old.value or not old.key:
        return False
    if new.key == old.key:
        return True
    if new.names != old.names or not new.names:
        return False
    mine, theirs = new.key - new.names, old.key - old.names
    if mine ^ theirs <= _GENERIC and (new.numeric == old.numeric or mine & theirs):
        return True
    return new.corrects and _alike(new, old) and bool(mine & theirs) and (mine <= theirs or theirs <= mine)
