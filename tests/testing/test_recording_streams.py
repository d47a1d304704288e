"""What comes while an answer is recorded comes at once, not when the answer is whole."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest
from support.llm_server import LLMServer

from victor_nb import AgentOrchestrator
from victor_nb.testing import use_cassette


@pytest.fixture(autouse=True)
def at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)


async def test_the_first_piece_is_handed_on_before_the_second_is_sent(llm_server: LLMServer, tmp_path: Path):
    gate = threading.Event()
    llm_server.reply(chunks=("One, ", "two."), gate=gate, gate_after=1)
    with use_cassette(tmp_path / "talk.json", "record") as cassette:
        orchestrator = AgentOrchestrator(model=f"{llm_server.openai_url}#m")
        stream = aiter(orchestrator.stream_chat("Count."))
        async with asyncio.timeout(20):  # a recorder that waits for the whole answer would wait for ever
            first = await anext(stream)
        assert (first.content, cassette.recorded) == ("One, ", 0)
        gate.set()
        assert [chunk.content async for chunk in stream if chunk.content] == ["two."]
        orchestrator.close()
    assert cassette.recorded == 1
