"""A cassette of each version that there was is replayed, and brought to the form of today."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.told_talk import TOLD, talk

from victor_nb.testing import CassetteError, use_cassette
from victor_nb.testing.cassettes import versions
from victor_nb.testing.cassettes.file import read
from victor_nb.testing.cassettes.page import to_text

STORED = sorted((Path(__file__).parent / "cassettes").glob("v*.json"))
NOBODY = "http://127.0.0.1:9/v1#m"


def test_there_is_one_of_each_version() -> None:
    stored = [json.loads(path.read_text())["victor_cassette"] for path in STORED]
    assert stored == list(range(1, versions.VERSION + 1))


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
async def test_it_is_replayed(path: Path) -> None:
    with use_cassette(path, "replay") as cassette:
        assert await talk(NOBODY) == TOLD
    assert (cassette.replayed, cassette.unused) == (6, [])


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_brought_to_the_form_of_today_it_holds_the_same(path: Path) -> None:
    old, newest = read(path).content, read(STORED[-1]).content
    assert [take.sent.key for take in old.takes] == [take.sent.key for take in newest.takes]
    assert all(a.answer.says_the_same(b.answer) for a, b in zip(old.takes, newest.takes, strict=True))


def test_the_newest_is_in_its_own_form() -> None:
    found = read(STORED[-1])
    assert to_text(found.content.takes, found.content.players) == found.text


def test_steps_are_taken_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "VERSION", 4)
    steps = {
        n: lambda data, n=n: {**data, "victor_cassette": n + 1, "seen": [*data.get("seen", []), n]} for n in (2, 3)
    }
    assert versions.brought_up({"victor_cassette": 2}, steps) == {"victor_cassette": 4, "seen": [2, 3]}


@pytest.mark.parametrize(
    ("request_2", "told"),
    [({"messages": [], "after": 2}, "comes after request 2"), ({"after": 1}, "'messages' is missing")],
)
def test_a_broken_file_of_version_1_is_one_line(tmp_path: Path, request_2: object, told: str) -> None:
    data = json.loads(STORED[0].read_text())
    data["requests"][1] = request_2
    (tmp_path / "talk.json").write_text(json.dumps(data))
    with pytest.raises(CassetteError, match=told):
        read(tmp_path / "talk.json")
