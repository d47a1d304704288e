"""What holds for whatever was asked: a file written again is the same, as is one recorded again in another order."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from victor_nb.messages import Message, ModelReply, ModelRequest, ToolCall, ToolSpec, Usage
from victor_nb.testing import ScriptedModel
from victor_nb.testing.cassettes.answer import Answer, Timing
from victor_nb.testing.cassettes.cassette import Cassette
from victor_nb.testing.cassettes.form import Player, Take, from_text
from victor_nb.testing.cassettes.models import RecordingModel
from victor_nb.testing.cassettes.page import to_text
from victor_nb.testing.cassettes.reading import RequestReader
from victor_nb.testing.cassettes.redaction import Redaction
from victor_nb.testing.cassettes.sent import Sent, Tools
from victor_nb.testing.cassettes.talk import Talk

CLEAN = Redaction(environment={})
READER = RequestReader("m", CLEAN)
PLAYERS = {"m": Player("m", "p")}
words = st.sampled_from(["", "a", "b\nc", "d\r\n", " ", "[home folder]", "é\u2028", "\ud800", "0xdeadbeef"])
scalars = st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from([0.0, 1.0, 0.5]) | words
objects = st.dictionaries(words, scalars | st.lists(scalars, max_size=2), max_size=2)
arguments = objects.map(json.dumps) | st.sampled_from(["", "no json", "12", '"12"', "[1]", "NaN", '{"a": NaN}'])
calls = st.lists(st.builds(ToolCall, st.sampled_from(["c1", "c2"]), st.just("f"), arguments), max_size=2).map(tuple)
tools = st.lists(
    st.builds(ToolSpec, st.sampled_from(["f", "g"]), words, objects), max_size=2, unique_by=lambda tool: tool.name
).map(tuple)


@st.composite
def talks(draw: st.DrawFn) -> list[tuple[ModelRequest, ModelReply]]:
    """Requests that go on from one another, from earlier ones, or from nothing."""
    told: list[tuple[ModelRequest, ModelReply]] = []
    for _ in range(draw(st.integers(1, 6))):
        messages = (Message("system", draw(words)),)
        if told and draw(st.booleans()):
            request, reply = draw(st.sampled_from(told))
            messages = (*request.messages, reply.message)
            messages += tuple(Message("tool", draw(words), (), call.id, call.name) for call in reply.message.tool_calls)
        messages += (Message("user", draw(words)),)
        temperature: dict[str, Any] = draw(st.sampled_from([{}, {"temperature": 0.5}, {"stop_sequences": ("a",)}]))
        output = draw(st.none() | st.builds(ToolSpec, st.just("final_answer"), words, objects))
        answer = Message("assistant", draw(words), draw(calls))
        asked = ModelRequest(messages, draw(tools), temperature, output)
        if told and draw(st.booleans()):
            asked = draw(st.sampled_from(told))[0]
        told.append((asked, ModelReply(answer, Usage(1, 2), "m", "p")))
    return told


def takes_of(talk: list[tuple[ModelRequest, ModelReply]]) -> list[Take]:
    timing = Timing(0.1, 0.2)
    return [Take(READER.sent(request), Answer.of(reply, [], timing, CLEAN)) for request, reply in talk]


@given(talks())
def test_a_file_that_is_read_and_written_is_the_same(talk: list[tuple[ModelRequest, ModelReply]]):
    takes = takes_of(talk)
    text = to_text(takes, PLAYERS)
    again = from_text(text)
    assert to_text(again.takes, again.players) == text
    assert [take.sent.key for take in again.takes] == [take.sent.key for take in takes]
    assert all(a.answer.says_the_same(b.answer) for a, b in zip(again.takes, takes, strict=True))


@given(talks(), st.randoms())
@settings(max_examples=40)
def test_what_is_recorded_again_in_another_order_changes_no_byte(talk: list[tuple[ModelRequest, ModelReply]], by: Any):
    with TemporaryDirectory() as folder:
        path = Path(folder) / "talk.json"
        recorded(path, takes_of(talk))
        before = path.read_bytes()
        again = takes_of(talk)
        by.shuffle(again)  # the same request again stays in its order: which answer is the first is part of it
        order = {
            key: iter([take for take in takes_of(talk) if take.sent.key == key]) for key in {t.sent.key for t in again}
        }
        assert recorded(path, [next(order[take.sent.key]) for take in again]) is False
        assert path.read_bytes() == before


def recorded(path: Path, takes: list[Take]) -> bool:
    cassette = Cassette(path)
    for take in takes:
        later = Answer(take.answer.reply, Timing(9.0, 9.0), take.answer.pieces)
        cassette.record(take.sent, later, Player("m", "p"))
    return cassette.save(anew=True)


@given(objects, st.randoms())
def test_the_order_of_fields_is_no_difference(fields: dict[str, Any], by: Any):
    names = list(fields)
    by.shuffle(names)
    other = {name: fields[name] for name in names}
    one, two = (
        Sent("m", "chat", Talk.of([{"role": "user", "text": "a"}]), Tools([{"name": "f", **given}]))
        for given in (fields, other)
    )
    assert one.key == two.key


def test_true_is_not_one():
    for value in (True, 1.0):
        takes = [
            Take(
                RequestReader("m", CLEAN).sent(
                    ModelRequest((Message("user", "a"),), (ToolSpec("f", "", {"default": default}),))
                ),
                NOTHING,
            )
            for default in (1, value)
        ]
        assert [t.sent.key for t in from_text(to_text(takes, PLAYERS)).takes] == [t.sent.key for t in takes]


NOTHING = Answer(ModelReply(Message("assistant", ""), Usage(), "m", "p"), Timing(None, 0.0))
ROLL = ModelRequest((Message("user", "Roll a die."),))
SENT = READER.sent(ROLL)


def said_by(cassette: Cassette) -> str:
    take = cassette.find(SENT)
    assert take
    return take.answer.reply.message.content


async def test_the_same_request_at_once_is_recorded_in_the_order_of_asking(tmp_path: Path):
    """The later one is answered first."""
    gate = asyncio.Event()

    class Slow(ScriptedModel):
        async def request(self, request: ModelRequest) -> ModelReply:
            reply = await super().request(request)
            await (gate.wait() if reply.message.content == "4" else asyncio.sleep(0))
            return reply

    cassette = Cassette(tmp_path / "talk.json")
    model = RecordingModel(cassette, "m", Slow("4", "2"), known=False)
    first = asyncio.create_task(model.request(ROLL))
    await asyncio.sleep(0)
    await model.request(ROLL)
    gate.set()
    await first
    cassette.save(anew=True)
    again = Cassette(tmp_path / "talk.json")
    assert [said_by(again) for _ in range(2)] == ["4", "2"]


def test_threads_that_ask_at_once_get_each_recording_once(tmp_path: Path):
    cassette = Cassette(tmp_path / "talk.json")
    for number in range(64):
        reply = ModelReply(Message("assistant", str(number)), Usage(), "m", "p")
        cassette.record(SENT, Answer.of(reply, [], Timing(None, 0.0), CLEAN), Player("m", "p"))
    cassette.save(anew=True)
    again, said, start = Cassette(tmp_path / "talk.json"), list[str](), threading.Barrier(8)

    def ask() -> None:
        start.wait()
        said.extend(said_by(again) for _ in range(8))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(int, said)) == list(range(64))


def test_threads_that_record_at_once_lose_nothing(tmp_path: Path):
    cassette, start = Cassette(tmp_path / "talk.json"), threading.Barrier(8)

    def record(thread: int) -> None:
        model = RecordingModel(cassette, "m", ScriptedModel(*(f"{thread}-{n}" for n in range(8))), known=False)
        start.wait()
        for _ in range(8):
            asyncio.run(model.request(ROLL))

    threads = [threading.Thread(target=record, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    cassette.save(anew=True)
    said = {take.answer.reply.message.content for take in Cassette(tmp_path / "talk.json").takes}
    assert said == {f"{thread}-{n}" for thread in range(8) for n in range(8)}
