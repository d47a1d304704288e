"""Files that are none, half of one, or were touched: read as they are meant, or one error that says where and what."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.told_talk import TOLD, talk

from victor_nb.errors import MissingKeyError
from victor_nb.testing import CassetteError, MissingRecordingError, use_cassette
from victor_nb.testing.cassettes.cassette import Cassette
from victor_nb.testing.cassettes.file import parsed, read, write
from victor_nb.testing.cassettes.page import to_text

STORED = Path(__file__).parent / "cassettes" / "v2.json"
TEXT = STORED.read_text()
NOBODY = "http://127.0.0.1:9/v1#m"


@pytest.fixture(autouse=True)
def at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "talk.json"


CONFLICT = TEXT.replace('  {\n   "model"', '<<<<<<< HEAD\n  {\n   "model"', 1)


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"", "it is empty"),
        (b"  \r\n", "it is empty"),
        (TEXT.encode()[:900], "it is no JSON: .*line 55"),
        (b"[1, 2]", "it is no cassette"),
        (b'{"interactions": []}', 'it is no cassette: "victor_cassette" is missing'),
        (b'{"victor_cassette": "2"}', "its version '2' is none"),
        (b'{"victor_cassette": 3}', "it is of version 3, and this victor_nb reads up to 2: upgrade it"),
        (CONFLICT.encode(), "it has merge conflict markers, line 50"),
        (TEXT.replace("mean", "me\u00e4n").encode("latin-1"), "line 64 is not UTF-8"),
        (b"[" * 100_000, "it is nested too deeply"),
        (TEXT.replace('"role": "user"', '"role": "usr"').encode(), "request 1 cannot be understood: there is no role"),
        (TEXT.replace('"square"\n', '"cube"\n', 1).encode(), "request 1 cannot be understood: there is no tool 'cube'"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_line(path: Path, raw: bytes, told: str):
    path.write_bytes(raw)
    with pytest.raises(CassetteError, match=told) as error, use_cassette(path):
        pass
    assert str(path) in error.value.message
    assert error.value.hint
    assert "\n" not in error.value.message
    assert path.read_bytes() == raw


def test_a_folder_is_no_file(tmp_path: Path):
    for mode in ("replay", "record"):
        with pytest.raises(CassetteError, match="it is a folder"), use_cassette(tmp_path, mode):
            pass


def test_a_folder_that_is_a_file_is_told_before_anything_is_asked(tmp_path: Path):
    (tmp_path / "cassettes").touch()
    path, begun = tmp_path / "cassettes" / "talk.json", False
    with (
        pytest.raises(CassetteError, match=r"cannot be (read|written): its folder is a file"),
        use_cassette(path, "record"),
    ):
        begun = True
    assert not begun


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize(
    ("mode", "bits", "told"),
    [("replay", (0o755, 0o000), "cannot be read: Permission denied"), ("record", (0o555, 0o644), "cannot be written")],
)
def test_what_is_not_permitted_is_one_line(mode: str, bits: tuple[int, int], told: str):
    folder = Path(tempfile.mkdtemp(prefix="victor-nb-"))  # pytest's own folders are root's alone
    (folder / "talk.json").write_text(TEXT)
    (folder / "talk.json").chmod(bits[1])
    folder.chmod(bits[0])
    script = (
        f"from victor_nb.testing import use_cassette\nwith use_cassette({str(folder / 'talk.json')!r}, {mode!r}): ..."
    )
    become = f"import os; os.setgid(65534); os.setuid(65534); exec({script!r})"
    done = subprocess.run([sys.executable, "-c", become], capture_output=True, text=True, check=False, cwd="/")
    shutil.rmtree(folder)
    assert "CassetteError" in done.stderr
    assert told in done.stderr.splitlines()[-1]


async def test_a_file_that_is_missing_is_named(path: Path):
    with pytest.raises(MissingRecordingError, match=r"There is no file .*talk\.json") as error, use_cassette(path):
        await talk(NOBODY)
    assert "record" in error.value.hint


async def test_recording_without_a_key_says_which(path: Path):
    with pytest.raises(MissingKeyError, match="ANTHROPIC_API_KEY"), use_cassette(path, "record"):
        await talk("anthropic:claude-sonnet-5-5")
    assert not path.exists()


@pytest.mark.parametrize("touch", ["crlf", "bom"])
async def test_what_editors_and_git_do_to_a_file_changes_nothing(path: Path, touch: str):
    raw = TEXT.replace("\n", "\r\n").encode() if touch == "crlf" else b"\xef\xbb\xbf" + TEXT.encode()
    path.write_bytes(raw)
    with use_cassette(path):
        assert await talk(NOBODY) == TOLD
    with use_cassette(path, "record"):
        assert await talk(NOBODY) == TOLD
    assert path.read_bytes() == (raw if touch == "crlf" else TEXT.encode())


def test_line_ends_stay_what_they_are(path: Path):
    path.write_bytes(TEXT.replace("\n", "\r\n").encode())
    found = read(path)
    assert write(path, TEXT.replace("144", "145"), found.newline)
    assert path.read_bytes() == TEXT.replace("144", "145").replace("\n", "\r\n").encode()


async def test_a_request_that_was_edited_is_found_by_what_it_says_now(path: Path):
    path.write_text(TEXT.replace("Which mean?", "Which median?"))
    with pytest.raises(MissingRecordingError, match="Which mean"), use_cassette(path):
        await talk(NOBODY)
    takes = Cassette(path).takes
    assert [take.sent.messages[1]["text"] for take in takes[:2]] == ["Which median?"] * 2


def test_two_branches_that_recorded_something_are_merged(path: Path):
    """Each has put a conversation of its own behind what there was: both are there."""
    data = json.loads(TEXT)
    first, second = data["requests"][:2], data["requests"][2:4]
    mine, yours = json.loads(json.dumps(first)), json.loads(json.dumps([*first, *second]))
    mine[0]["messages"][1]["text"], yours[0]["messages"][1]["text"] = "Mine?", "Yours?"
    path.write_text(json.dumps({**data, "requests": [*data["requests"], *mine, *yours]}))
    talks = [list(take.sent.messages) for take in Cassette(path).takes]
    assert [talk[1]["text"] for talk in talks[6:]] == ["Mine?"] * 2 + ["Yours?"] * 4
    assert [[talk[0], talks[0][1], *talk[2:]] for talk in talks[8:]] == talks[:4]


def test_a_request_that_is_cut_out_takes_nothing_else_with_it(path: Path):
    data = json.loads(TEXT)
    data["requests"] = data["requests"][:4] + data["requests"][5:]
    path.write_text(json.dumps(data))
    keys = [take.sent.key for take in parsed(TEXT, path).content.takes]
    assert [take.sent.key for take in Cassette(path).takes] == keys[:4] + keys[5:]


values = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.just([]) | st.just({})


@st.composite
def broken(draw: st.DrawFn) -> str:
    """The stored file with one value of its own replaced, left out, or put in twice; or with its text cut or mixed."""
    if draw(st.booleans()):
        start, end = sorted(draw(st.tuples(st.integers(0, len(TEXT)), st.integers(0, len(TEXT)))))
        return TEXT[:start] + draw(st.text(max_size=4)) + TEXT[end:]
    data = json.loads(TEXT)
    at = data
    while True:
        keys = list(at) if isinstance(at, dict) else list(range(len(at)))
        key = draw(st.sampled_from(keys))
        below = at[key]
        if not isinstance(below, dict | list) or not below or draw(st.integers(0, 4)) == 0:
            break
        at = below
    if draw(st.booleans()):
        at[key] = draw(values)
    elif isinstance(at, dict):
        del at[key]
    else:
        at.insert(key, at[key])
    return json.dumps(data)


@given(broken())
def test_a_broken_file_is_a_cassette_or_one_error(text: str):
    with contextlib.suppress(CassetteError):
        content = parsed(text, Path("talk.json")).content
        again = parsed(to_text(content.takes, content.players), Path("talk.json")).content
        assert [take.sent.key for take in again.takes] == [take.sent.key for take in content.takes]
