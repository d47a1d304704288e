"""Tags reach the turns that are asked inside their block, however those are asked."""

from __future__ import annotations

import asyncio
import json

import numpy as np
import pytest

import victor_nb as vn
from victor_nb.agent.tags import checked_tags, parse_tags
from victor_nb.errors import UsageError
from victor_nb.testing import ScriptedModel


def orchestrator(turns: int) -> vn.AgentOrchestrator:
    return vn.AgentOrchestrator(model=ScriptedModel(*["Fine."] * turns))


def recorded() -> list[dict[str, object]]:
    return [json.loads(text) for text in vn.analytics.turns()["tags"]]


async def test_blocks_add_up_and_end():
    asked = orchestrator(4)
    with vn.tags(variant="A", seed=1, site="Oslo"):
        await asked.chat("one")
        with vn.tags(variant="B"):
            await asked.chat("two", tags={"seed": 2, "final": True})
        await asked.chat("three")
    await asked.chat("four")
    first = {"seed": 1, "site": "Oslo", "variant": "A"}
    second = {"final": True, "seed": 2, "site": "Oslo", "variant": "B"}
    assert recorded() == [first, second, first, {}]


async def test_turns_side_by_side_keep_their_own():
    asked = orchestrator(8)

    async def one(number: int) -> None:
        with vn.tags(number=number):
            await asyncio.sleep(0)
            await asked.chat("?", session_id=f"s{number}")

    await asyncio.gather(*(one(number) for number in range(8)))
    told = vn.analytics.turns()
    assert {row.session_id: row.tags for row in told.itertuples()} == {f"s{n}": f'{{"number": {n}}}' for n in range(8)}


async def test_a_stream_is_tagged_where_it_was_asked_for():
    asked = orchestrator(1)
    with vn.tags(variant="A"):
        stream = asked.stream_chat("one", tags={"by": "stream"})
    assert [chunk.content async for chunk in stream] == ["Fine."]
    assert recorded() == [{"by": "stream", "variant": "A"}]


def test_tags_without_a_block_are_checked_and_say_that_they_tag_nothing():
    assert "no turn is tagged yet" in repr(vn.tags(variant="A"))
    with pytest.raises(UsageError, match="the tag variant is a list"):
        vn.tags(variant=["A"])


def test_a_block_that_fails_ends_too():
    with pytest.raises(RuntimeError), vn.tags(variant="A"):
        raise RuntimeError
    with vn.tags(other=1):
        asyncio.run(orchestrator(1).chat("one"))
    assert recorded() == [{"other": 1}]


def test_numbers_of_numpy_are_numbers():
    tags = checked_tags({"i": np.int64(3), "f": np.float32(0.5), "b": np.True_, "t": np.str_("x"), "none": None})
    assert tags == {"i": 3, "f": 0.5, "b": True, "t": "x", "none": None}
    assert type(tags["i"]) is int


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"x": [1]}, "the tag x is a list"),
        ({"x": float("nan")}, "the tag x is nan"),
        ({"x": np.arange(3)}, "the tag x is a ndarray"),
        ({"": 1}, "'' cannot be the name of a tag"),
        ({3: 1}, "3 cannot be the name of a tag"),
        (["variant"], "tags are a dict, not list"),
    ],
)
async def test_what_cannot_be_a_tag_is_refused_before_anything_is_sent(wrong, told):
    asked = orchestrator(1)
    with pytest.raises(UsageError, match=told):
        await asked.chat("one", tags=wrong)
    assert len(vn.analytics.turns()) == 0


def test_words_are_read_as_json_writes_them():
    words = [
        "variant=A",
        "n=3",
        "t=0.5",
        "on=true",
        "off=false",
        "alone",
        "version=1.10",
        "id=007",
        "big=1e5",
        "eq=a=b",
    ]
    assert parse_tags([*words, "nan=NaN", "list=[1]", "empty="]) == {
        "variant": "A",
        "n": 3,
        "t": 0.5,
        "on": True,
        "off": False,
        "alone": True,
        "version": "1.10",
        "id": "007",
        "big": "1e5",
        "eq": "a=b",
        "nan": "NaN",
        "list": "[1]",
        "empty": "",
    }
