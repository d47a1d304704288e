"""Recordings outlive the packages that they were made with: what is stored for each wire is replayed without them, and
is what those of today record.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support import wire_talk
from support.llm_server import LLMServer
from support.wire_talk import WIRES, stored, talk

from victor_nb.testing import use_cassette

ANSWERS = ["It is **144**.\n", "Yes."]


@pytest.mark.parametrize("wire", WIRES)
async def test_what_is_recorded_today_is_what_is_stored(
    llm_server: LLMServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wire: str
):
    monkeypatch.delenv("CI", raising=False)
    llm_server.reply(tool_calls=[("square", {"number": 12}, "call_new")])
    llm_server.reply(chunks=("It is ", "**144**", ".\n"))
    llm_server.reply(ANSWERS[1])
    path, before = tmp_path / "talk.json", stored(wire).read_text(encoding="utf-8")
    path.write_text(before, encoding="utf-8")
    url = llm_server.url if wire.startswith("anthropic") else llm_server.openai_url
    with use_cassette(path, "rewrite"):
        assert await talk(wire, url) == ANSWERS
    assert len(llm_server.requests) == 3
    assert path.read_text(encoding="utf-8") == before


def test_stored_recordings_are_replayed_without_any_package_of_a_provider():
    done = subprocess.run(
        [sys.executable, wire_talk.__file__], capture_output=True, text=True, check=False, cwd=Path.cwd()
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == dict.fromkeys(WIRES, ANSWERS)
