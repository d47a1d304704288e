"""What a model says today against what was recorded. Other calls, or another reason to stop, make another program of a
notebook, and fail; other words are what models do, and are told.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from victor_nb.testing.cassettes.answer import Answer
from victor_nb.testing.cassettes.form import Take
from victor_nb.testing.cassettes.missing import CassetteError, shortened
from victor_nb.testing.cassettes.sent import arguments_of, first_line
from victor_nb.testing.cassettes.talk import canonical

_LINES: Final = 8
_RECORDINGS: Final = 5


class ChangedAnswersError(CassetteError):
    """Models make other calls than the recorded ones, or stop for another reason. `message` has them line by line."""

    def _render_traceback_(self) -> list[str]:
        first, *more = self.message.split("\n")
        return [f"{type(self).__name__}: {first}", *more, f"  → {self.hint}"]


@dataclass(frozen=True)
class Difference:
    """Of the recording `number` (the first is 1), to the question that begins with `question`. `lines` is a short
    unified diff, recorded against now."""

    number: int
    question: str
    what: str
    lines: tuple[str, ...]

    @property
    def fails(self) -> bool:
        return self.what != "words"

    def __str__(self) -> str:
        head = f'  recording {self.number}, "{self.question}": other {self.what}'
        return "\n".join([head, *(f"    {line}" for line in self.lines)])


def difference(number: int, take: Take, now: Answer) -> Difference | None:
    """What differs first: calls (names and arguments), then the reason to stop, then words; None if nothing does.
    White space makes no other words."""
    recorded = take.answer
    old, new = recorded.reply, now.reply
    question = first_line(take.sent.messages)
    if (before := _calls(recorded)) != (after := _calls(now)):
        return Difference(number, question, "calls", _diff(before, after))
    if old.finish_reason != new.finish_reason:
        lines = _diff([str(old.finish_reason)], [str(new.finish_reason)])
        return Difference(number, question, "reason to stop", lines)
    if old.message.content.split() != new.message.content.split():
        lines = _diff(old.message.content.splitlines(), new.message.content.splitlines())
        return Difference(number, question, "words", lines)
    return None


def told(differences: Sequence[Difference], place: str, *, fail: bool) -> str:
    """Those that fail, or those that do not, for people to read; empty if there are none."""
    found = [one for one in differences if one.fails == fail]
    if not found:
        return ""
    what = "other calls, or another reason to stop," if fail else "other words"
    more = [f"  and {len(found) - _RECORDINGS} more"] if len(found) > _RECORDINGS else []
    head = f"{place}: {what} in {len(found)} {'answer' if len(found) == 1 else 'answers'}"
    return "\n".join([head, *(str(one) for one in found[:_RECORDINGS]), *more])


def changed(text: str) -> ChangedAnswersError:
    """The error for what `told` says of those that fail."""
    return ChangedAnswersError(text, hint="if they are as good: VICTOR_CASSETTE_MODE=rewrite records them")


def _calls(answer: Answer) -> list[str]:
    calls = answer.reply.message.tool_calls
    return [f"{call.name}({canonical(arguments_of(call.arguments))})" for call in calls]


def _diff(before: Iterable[str], after: Iterable[str]) -> tuple[str, ...]:
    lines = islice(difflib.unified_diff(list(before), list(after), n=1, lineterm=""), 2, None)
    kept = [shortened(line) for line in lines if not line.startswith("@@")]
    return (*kept[:_LINES], "…") if len(kept) > _LINES else tuple(kept)
