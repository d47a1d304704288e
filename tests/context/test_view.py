"""Whatever a strategy returns, what is sent is valid and holds what may not be missing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from victor_nb.context.steps import DIGEST_MARK, drop_steps, open_call_ids, steps, user_positions
from victor_nb.context.view import repair
from victor_nb.messages import Image, Message, ToolCall


@st.composite
def conversations(draw: Any) -> list[Message]:
    """What a turn loop logs: turns of steps, the last one perhaps still in progress; call ids come again."""
    messages: list[Message] = []
    for _ in range(draw(st.integers(1, 5))):
        messages.append(Message("user", draw(st.sampled_from(["go", "on", "x"])), pinned=draw(st.booleans())))
        for _ in range(draw(st.integers(0, 2))):
            calls = tuple(ToolCall(f"call_{n}", "f", "{}") for n in range(draw(st.integers(1, 2))))
            messages.append(Message("assistant", "", calls, wire=object()))
            messages += [Message("tool", "r" * 9, tool_call_id=c.id, pinned=draw(st.booleans())) for c in calls]
        messages.append(Message("assistant", draw(st.sampled_from(["done", "x"]))))
    return messages[: max(1, len(messages) - draw(st.integers(0, 3)))]


def vandalise(draw: Any, messages: list[Message]) -> list[Message]:
    """Reorder, drop, double, rewrite, add."""
    found = [replace(m, wire=None) for m in draw(st.permutations(messages))[draw(st.integers(0, 6)) :]]
    found += draw(st.lists(st.sampled_from(messages), max_size=3))
    for position in draw(st.lists(st.integers(0, 20), max_size=3)):
        if position < len(found):
            change = draw(
                st.sampled_from([{"content": "short"}, {"role": "system"}, {"pinned": False}, {"tool_calls": ()}])
            )
            found[position] = replace(found[position], **change)
    for role in draw(st.lists(st.sampled_from(["system", "user", "assistant", "tool"]), max_size=3)):
        new = Message(role, draw(st.sampled_from(["summary", "", "x" * 99])), pinned=True, tool_call_id="call_9")
        found.insert(draw(st.integers(0, len(found))), new)
    return found


def assert_sendable(source: list[Message], sent: tuple[Message, ...] | list[Message]) -> None:
    assert sent[0].role == "user"
    assert len({m.id for m in sent}) == len(sent)
    place = {m.id: n for n, m in enumerate(source)}
    old = [place[m.id] for m in sent if m.id in place]
    assert old == sorted(old)
    assert all(m.role == "user" and not m.tool_calls for m in sent if m.id not in place)
    assert not any(step.orphan for step in steps(sent))
    assert open_call_ids(sent) == open_call_ids(source)
    users = [n for n, m in enumerate(source) if m.role == "user"]
    tail = steps(source)[-1]
    must = {users[0], users[-1], *range(tail.start, tail.end), *(n for n, m in enumerate(source) if m.pinned)}
    kept = {id(m) for m in sent}
    assert all(id(source[n]) in kept for n in must)
    assert sent[user_positions(sent)[-1]] is source[users[-1]]


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_the_output_of_a_vandal_is_sendable(data: Any) -> None:
    source = data.draw(conversations())
    sent = repair(source, vandalise(data.draw, source)).messages
    assert_sendable(source, sent)
    assert repair(source, sent).messages == sent


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_dropping_the_oldest_steps_is_sendable(data: Any) -> None:
    source = data.draw(conversations())
    limit = data.draw(st.integers(0, 200))
    assert_sendable(source, drop_steps(source, lambda total: total <= limit))


@given(conversations())
def test_what_is_valid_is_left_alone(source: list[Message]) -> None:
    found = repair(source, [replace(m, wire=None) for m in source])
    assert not found.repaired
    assert all(kept is own for kept, own in zip(found.messages, source, strict=True))


def talk(*roles: str) -> list[Message]:
    return [Message(role, f"{role} {number}") for number, role in enumerate(roles)]  # type: ignore[arg-type]


def test_a_summary_as_system_message_becomes_the_users_between_first_and_last() -> None:
    source = talk("user", "assistant", "user", "assistant", "user")
    found = repair(source, [Message("system", "They talked."), source[-1]])
    assert [m.content for m in found.messages] == ["user 0", "They talked.", "user 4"]
    assert found.messages[1].role == "user"
    assert found.repaired


def test_a_summary_at_the_end_stands_before_the_open_step() -> None:
    source = [
        *talk("user", "assistant"),
        Message("assistant", "", (ToolCall("1", "f", "{}"), ToolCall("2", "f", "{}"))),
    ]
    source.append(Message("tool", "so far", tool_call_id="1"))
    found = repair(source, [source[0], Message("user", "They talked.")])
    assert [m.content for m in found.messages] == ["user 0", "They talked.", "", "so far"]


def test_a_digest_is_none_of_the_users_messages_and_may_be_written_anew() -> None:
    digest = Message("user", "old", metadata={DIGEST_MARK: True, "facts": 1})
    source = [*talk("user", "assistant"), digest, *talk("assistant", "user")]
    new = replace(digest, content="new", metadata={"facts": 2})
    found = repair(source, [source[0], new, source[-1]])
    assert [(m.content, dict(m.metadata)) for m in found.messages[1:2]] == [("new", {"facts": 2, DIGEST_MARK: True})]
    assert repair(source[:3], [source[0]]).messages == (source[0],)


def test_the_question_of_a_turn_is_kept_when_its_answer_was_sent_back() -> None:
    roles = ["user", "assistant", "user", "assistant", "user"]
    source = [replace(m, turn_id="t" if n > 1 else "s") for n, m in enumerate(talk(*roles))]  # type: ignore[arg-type]
    assert [m.content for m in repair(source, []).messages] == ["user 0", "user 2", "user 4"]


def test_pictures_may_be_left_out_with_a_text_that_is_shortened() -> None:
    picture = replace(talk("tool")[0], images=(Image(b"png", "image/png"),), tool_call_id="1")
    source = [*talk("user"), Message("assistant", "", (ToolCall("1", "plot", "{}"),)), picture, *talk("user")]
    found = repair(source, [*source[:2], replace(picture, content="a plot", images=()), source[3]])
    assert (found.messages[2].content, found.messages[2].images, found.repaired) == ("a plot", (), False)
    assert repair(source, [*source[:2], replace(picture, content="a plot"), source[3]]).messages[2].images


def test_a_shortened_text_is_taken_and_the_providers_own_form_with_it() -> None:
    source = talk("user", "assistant", "user")
    source[1] = replace(source[1], wire="long")
    found = repair(source, [source[0], replace(source[1], content="short"), source[2]])
    assert (found.messages[1].content, found.messages[1].wire) == ("short", None)
    assert not found.repaired


def test_messages_built_anew_are_recognised_by_their_text() -> None:
    source = talk("user", "assistant", "user", "assistant", "user")
    found = repair(source, [Message(m.role, m.content) for m in source[2:]])
    assert [id(m) for m in found.messages] == [id(source[n]) for n in (0, 2, 3, 4)]


def test_system_messages_of_a_context_stay_first() -> None:
    source = talk("system", "user", "assistant", "user")
    found = repair(source, [source[3], source[0]])
    assert [m.content for m in found.messages] == ["system 0", "user 1", "user 3"]


def test_a_result_without_its_call_is_dropped_wherever_it_came_from() -> None:
    source = talk("user", "tool", "assistant", "user", "tool")
    found = repair(source, source)
    assert [m.role for m in found.messages] == ["user", "assistant", "user"]
    assert found.repaired


def test_a_call_that_still_waits_is_kept_whatever_the_strategy_says() -> None:
    source = talk("user", "assistant", "user")
    source[1] = replace(source[1], tool_calls=(ToolCall("1", "f", "{}"),))
    assert repair(source, [source[2]]).messages == tuple(source)
