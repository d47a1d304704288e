"""A conversation that grows is read and written piece by piece, and is what it would be if it were read anew."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from victor_nb.messages import Message, ModelReply, ModelRequest, ToolCall, ToolSpec, Usage
from victor_nb.testing.cassettes.answer import Answer, Timing
from victor_nb.testing.cassettes.form import Player, Take
from victor_nb.testing.cassettes.page import Page, to_text
from victor_nb.testing.cassettes.reading import RequestReader
from victor_nb.testing.cassettes.redaction import Redaction
from victor_nb.testing.cassettes.talk import JsonMap

TOOL = ToolSpec("f", "Does it.", {"type": "object"})
PLAYERS = {"m": Player("m", "p")}

said = st.builds(Message, st.sampled_from(["system", "user", "assistant"]), st.text(max_size=5))
called = st.builds(
    lambda ids: Message("assistant", "", tuple(ToolCall(id, "f", "{}") for id in ids)),
    st.lists(st.sampled_from("abc"), min_size=1, max_size=2),
)
answered = st.builds(lambda id: Message("tool", "1", tool_call_id=id, tool_name="f"), st.sampled_from("abc"))
pool = st.lists(said | called | answered, min_size=1, max_size=8)


def request(messages: list[Message], session: str = "s") -> ModelRequest:
    return ModelRequest(tuple(messages), tools=(TOOL,), session_id=session)


def reader(redaction: Redaction | None = None) -> RequestReader:
    return RequestReader("m", redaction or Redaction())


def take(read: RequestReader, messages: list[Message], answer: str = "Yes.") -> Take:
    reply = ModelReply(Message("assistant", answer), Usage(1, 1), "m", "p")
    return Take(read.sent(request(messages)), Answer(reply, Timing(None, 0.0)))


@given(st.data(), pool)
def test_a_request_is_read_the_same_whatever_was_read_before(data: st.DataObject, messages: list[Message]):
    read = reader()
    for _ in range(4):
        numbers = data.draw(st.lists(st.integers(0, len(messages) - 1), max_size=10))
        asked = request([messages[number] for number in numbers], data.draw(st.sampled_from("st")))
        before, anew = read.sent(asked), reader().sent(asked)
        assert (before.key, before.homeless_key, before.messages) == (anew.key, anew.homeless_key, anew.messages)


@given(st.lists(st.text(max_size=3), min_size=2, max_size=5, unique=True), st.data())
def test_other_messages_have_another_key(texts: list[str], data: st.DataObject):
    talks = [[Message("user", text) for text in texts[:size]] for size in range(len(texts) + 1)]
    other = data.draw(st.permutations(texts).filter(lambda found: found != texts))
    talks.append([Message("user", text) for text in other])
    assert len({reader().sent(request(talk)).key for talk in talks}) == len(talks)


def test_each_text_is_looked_through_once(monkeypatch: pytest.MonkeyPatch):
    looked: Counter[str] = Counter()

    def seen(text: str) -> str:
        looked[text] += 1
        return text

    read, talk = reader(Redaction(seen)), [Message("system", "Be brief.")]
    looked.clear()
    for number in range(9):
        talk.append(Message("user", f"{number}?"))
        if number == 5:
            talk[0] = Message("system", "Be brief and kind.")  # all that follows it stays as it was read
        read.sent(request(talk))
    assert looked == dict.fromkeys([*(m.content for m in talk), "Be brief.", "Does it.", "type", "object"], 1)
    monkeypatch.setenv("OTHER_API_KEY", "4?4?4?4?4?")
    read.sent(request(talk))
    assert looked["3?"] == 2


@given(st.data(), pool)
def test_a_page_that_grows_is_the_text_of_all(data: st.DataObject, messages: list[Message]):
    page, takes, read = Page(), list[Take](), reader()
    talk: list[Message] = []
    for number in range(5):
        talk = [*talk, data.draw(st.sampled_from(messages))] if data.draw(st.booleans()) else messages[:number]
        takes.append(take(read, talk))
        if data.draw(st.booleans()):
            talk = [*talk, Message("assistant", "Yes.")]
        if data.draw(st.booleans()):
            takes = takes[::-1]
        assert page.text(takes, PLAYERS) == to_text(takes, PLAYERS)


class Counted(Answer):
    written: ClassVar[Counter[str]] = Counter()

    def to_json(self) -> JsonMap:
        self.written[self.reply.message.content] += 1
        return super().to_json()


def test_a_page_writes_each_answer_once():
    page, read = Page(), reader()
    plain = [take(read, [Message("user", f"{number}?")], f"{number}.") for number in range(5)]
    takes = [Take(one.sent, Counted(one.answer.reply, one.answer.timing)) for one in plain]
    for size in range(6):
        page.text(takes[:size], PLAYERS)
    assert Counted.written == {f"{number}.": 1 for number in range(5)}
