"""What the context coordinator would mend of a strategy's result, in words: each as the rule, and what is otherwise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

from victor_nb.context.steps import is_digest, open_call_ids, steps, user_positions
from victor_nb.context.view import repair
from victor_nb.messages import Message


def mendings(source: Sequence[Message], proposed: Sequence[Message]) -> list[tuple[str, str]]:
    """Empty when `proposed`, made of `source`, would be sent as it is."""
    if not repair(source, proposed).repaired:
        return []
    found = [*_missing(source, proposed), *_pairs(source, proposed), *_order(source, proposed), *_new(source, proposed)]
    return found or [("it can be sent as it is", "something of it is not as it may be sent")]


def _missing(source: Sequence[Message], proposed: Sequence[Message]) -> Iterator[tuple[str, str]]:
    """What is to be sent whatever happens."""
    said = {message.id: message for message in proposed}
    users = user_positions(source)
    named = {users[0]: "the first user message", users[-1]: "the last user message"} if users else {}
    for step in steps(source):
        if not step.protected:
            continue
        pinned = any(message.pinned for message in source[step.start : step.end])
        for position in range(step.start, step.end):
            message = source[position]
            what = named.get(position) or ("a pinned message" if pinned else "the step in progress")
            kept = said.get(message.id)
            if kept is None:
                yield f"{what} stays", f"{_shown(message)} is gone"
            elif (kept.content, kept.tool_calls, kept.role) != (message.content, message.tool_calls, message.role):
                yield f"{what} stays as it is", f"{_shown(message)} became {_shown(kept)}"


def _pairs(source: Sequence[Message], proposed: Sequence[Message]) -> Iterator[tuple[str, str]]:
    rule = "a tool call and its results stay together"
    if more := open_call_ids(proposed) - open_call_ids(source):
        yield rule, "a call is without its result" if len(more) == 1 else f"{len(more)} calls are without their result"
    if orphans := sum(step.orphan for step in steps(proposed)):
        yield rule, "a result is without its call" if orphans == 1 else f"{orphans} results are without their call"


def _order(source: Sequence[Message], proposed: Sequence[Message]) -> Iterator[tuple[str, str]]:
    places = {message.id: place for place, message in enumerate(source)}
    kept = [places[message.id] for message in proposed if message.id in places]
    if kept != sorted(kept):
        yield "messages stay in their order", f"{_shown(source[_first_moved(kept)])} was moved"
    twice = [id for id, count in Counter(message.id for message in proposed).items() if count > 1]
    if twice:
        yield "no message comes twice", "one does" if len(twice) == 1 else f"{len(twice)} do"


def _first_moved(places: Sequence[int]) -> int:
    return next(place for place, after in pairwise(places) if after < place)


def _new(source: Sequence[Message], proposed: Sequence[Message]) -> Iterator[tuple[str, str]]:
    known = {message.id: message for message in source}
    for message in proposed:
        before = known.get(message.id)
        if before is None and message.role != "user":
            yield "a new message is the user's", f"{_shown(message)} is of the role {message.role}"
        elif before is None and not message.content.strip():
            yield "a new message says something", "one is empty"
        elif before and not is_digest(before) and before.content.strip() and not message.content.strip():
            yield "a message that stays says something", f"{_shown(before)} became empty"
    first = next((message for message in proposed if message.role != "system"), None)
    if first and first.role != "user":
        yield "the first message is the user's", f"it is of the role {first.role}"


def _shown(message: Message) -> str:
    text = " ".join(message.content.split())
    return repr(text if len(text) <= 40 else f"{text[:40]}…")
