"""`victor-nb cassette …` as it is typed: what is told, and the exit code."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from victor_nb.testing.cassettes.file import read
from victor_nb.testing.command_line.main import main

STORED = Path(__file__).parent / "cassettes"
TEXT = (STORED / "v2.json").read_text()
SECRET = "sk-ant-api03-0123456789abcdefghijklmnop"


@pytest.fixture
def talk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a notebook and its cassette."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "cassettes").mkdir()
    (tmp_path / "talk.ipynb").write_text('{"cells": []}')
    path = tmp_path / "cassettes" / "talk.json"
    path.write_text(TEXT)
    return path


@pytest.fixture
def type_in(capsys: pytest.CaptureFixture[str]):
    def run(line: str) -> tuple[int, str]:
        code = main(["cassette", *shlex.split(line)])
        told = capsys.readouterr()
        return code, told.out + told.err

    return run


def test_a_list_says_what_each_is_for(talk: Path, type_in) -> None:
    talk.with_name("gone.json").write_text((STORED / "v1.json").read_text())
    talk.with_name("other.json").write_text('{"interactions": []}')
    code, told = type_in("ls")
    head, gone, mine = told.splitlines()
    assert (code, head.split()) == (0, ["CASSETTE", "FOR", "REQUESTS", "MODELS", "TOKENS", "COST", "BYTES", "VERSION"])
    assert gone.split()[:3] == ["cassettes/gone.json", "–", "(orphan)"]
    assert gone.endswith("1 (now 2)")
    assert mine.split() == ["cassettes/talk.json", "talk.ipynb", "6", "server:m", "90", "–", f"{len(TEXT):,}", "2"]
    assert json.loads(type_in("ls --json cassettes/talk.json")[1])[0]["owner"] == "talk.ipynb"


def test_one_is_shown_as_a_conversation(talk: Path, type_in) -> None:
    code, told = type_in("show cassettes/talk.json")
    assert code == 0
    assert "2. to server:m, after 1\n   user:\n      And 12 and 13 squared?\n      Both, please.\n" in told
    assert '   settings: temperature=0.5\n   answer:\n      square({"number":12})\n' in told
    assert told.count("Which mean?") == 1
    assert "Which mean?" in type_in("show cassettes/talk.json 3")[1]
    assert json.loads(type_in("show cassettes/talk.json 3 --json")[1])[0]["messages"][-1]["text"] == "169"


def test_two_are_compared_by_what_was_asked(talk: Path, type_in) -> None:
    assert type_in("diff cassettes/talk.json cassettes/talk.json") == (0, "No request and no answer differs.\n")
    data = json.loads(TEXT.replace("Which mean?", "Which median?").replace("A die: 4.", "A die: 6."))
    data["requests"].append(
        {**data["requests"][4], "messages": [{"role": "user", "text": "New?"}], "tools": ["square"]}
    )
    talk.with_name("new.json").write_text(json.dumps(data))
    code, told = type_in("diff cassettes/talk.json cassettes/new.json")
    assert (code, told.splitlines()) == (
        1,
        [
            'request 1, "Which median?", is changed in line 1 of message 2 (user)',
            "  -Which mean?",
            "  +Which median?",
            'request 5, "Roll a die.", is answered with other words',
            "  -A die: 4.",
            "  +A die: 6.",
            'new: request 7, "New?"',
            "further on in these conversations: 3 requests with no other change",
        ],
    )
    assert 'gone: request 7, "New?"' in type_in("diff cassettes/new.json cassettes/talk.json")[1]


def test_changed_settings_and_tools_are_named(talk: Path, type_in) -> None:
    changed = TEXT.replace('"temperature": 0.5', '"temperature": 0.7', 1).replace("The square of", "The cube of")
    talk.with_name("new.json").write_text(changed)
    told = type_in("diff cassettes/talk.json cassettes/new.json")[1]
    assert "changed in tool square: description\n  -The square of a number.\n  +The cube of a number.\n" in told
    assert "changed in setting temperature\n  -0.5\n  +0.7\n" in told


def test_alone_it_is_compared_with_what_is_committed(talk: Path, type_in) -> None:
    code, told = type_in("diff cassettes/talk.json")
    assert (code, "git has no earlier cassettes/talk.json" in told) == (1, True)
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    for line in (("init", "-q"), ("add", "."), (*identity, "commit", "-qm", "all")):
        subprocess.run(["git", *line], cwd=talk.parent.parent, check=True)
    assert type_in("diff cassettes/talk.json")[0] == 0
    talk.write_text(TEXT.replace("A die: 2.", "A die: 1."))
    code, told = type_in("diff cassettes/talk.json")
    assert (code, "  -A die: 2.\n  +A die: 1.\n" in told) == (1, True)


def test_a_check_passes_what_was_recorded(talk: Path, type_in) -> None:
    assert type_in("check") == (0, "1 cassette, 0 complaints.\n")
    talk.write_bytes(TEXT.replace("\n", "\r\n").encode())
    assert type_in("check")[0] == 0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "cassettes/talk.json: cannot be read: it is empty."),
        (TEXT[:3000], "cannot be read: it is no JSON"),
        (TEXT.replace("A die: 2.", SECRET), "what looks like a secret is in it; take it out, and if it is a key make"),
        (TEXT.replace("A die: 2.", "/home/ann/x\\n/home/ann/y"), ":245: this machine's home folder is in it"),
        (TEXT.replace('"server:m"', '"http://10.0.0.7/v1#m"'), "a model is named by the address of its server"),
        (TEXT.replace('"whole_s"', '"note": "", "whole_s"', 1), "it was edited by hand; --fix writes it"),
        ((STORED / "v1.json").read_text(), "it is of version 1, now it is 2; --fix writes it"),
    ],
)
def test_a_check_tells_what_is_wrong(
    talk: Path, type_in, text: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    talk.write_text(text)
    code, found = type_in("check")
    assert (code, told in found) == (1, True), found


def test_a_check_finds_orphans_and_two_of_one_name(talk: Path, type_in) -> None:
    talk.with_name("gone.json").write_text(TEXT)
    talk.with_name("Gone.json").write_text(TEXT)
    (talk.parent.parent / "a b.ipynb").write_text("{}")
    (talk.parent.parent / "a-b.ipynb").write_text("{}")
    talk.with_name("a-b.json").write_text(TEXT)
    code, told = type_in("check")
    assert (code, told.count("no notebook and no test is of its name")) == (1, 2)
    assert "a b.ipynb and a-b.ipynb have the same recordings; rename one" in told
    assert "differs from Gone.json in capitals only" in told


def test_tests_and_files_that_are_named_somewhere_are_no_orphans(talk: Path, type_in) -> None:
    (talk.parent.parent / "test_it.py").write_text("async def test_mean(kind): use_cassette('cassettes/own.json')")
    known = ("test_it.test_mean.json", "test_it.test_mean-median-.json", "test_it.TestA.test_mean.json", "own.json")
    for name in (*known, "test_it.test_gone.json"):
        talk.with_name(name).write_text(TEXT)
    assert type_in("prune --orphans --dry-run")[1].splitlines() == [
        "would remove cassettes/test_it.test_gone.json: no notebook and no test is of its name"
    ]
    assert type_in("prune --orphans")[0] == 0
    assert not talk.with_name("test_it.test_gone.json").exists()
    assert len(list(talk.parent.iterdir())) == 5


def test_what_can_be_mended_is_written_anew(talk: Path, type_in) -> None:
    talk.write_text((STORED / "v1.json").read_text())
    keys = [take.sent.key for take in read(talk).content.takes]
    code, told = type_in("check --fix")
    assert (code, "it is written anew" in told) == (0, True)
    assert type_in("check")[0] == 0
    assert [take.sent.key for take in read(talk).content.takes] == keys
    talk.write_text(TEXT.replace("A die: 2.", SECRET).replace('"whole_s"', '"note": "", "whole_s"', 1))
    assert type_in("check --fix")[0] == 1
    assert SECRET in talk.read_text()


@pytest.mark.parametrize(
    ("line", "code", "told"),
    [
        ("show cassettes/none.json", 2, "there is no cassettes/none.json."),
        ("show cassettes/talk.json 7", 2, "has no request 7.\n  → they are numbered from 1 to 6"),
        ("show cassettes", 1, "it is a folder"),
        ("ls nowhere", 2, "there is no nowhere."),
        ("prune", 2, "name the cassettes to prune."),
        ("prune cassettes/talk.json", 1, "no run is known"),
    ],
)
def test_a_mistake_is_two_lines(talk: Path, type_in, line: str, code: int, told: str) -> None:
    found = type_in(line)
    assert (found[0], told in found[1]) == (code, True), found
    assert len(found[1].splitlines()) <= 2


def test_the_hook_of_pre_commit_is_the_check(talk: Path) -> None:
    (hook,) = yaml.safe_load((Path(__file__).parents[2] / ".pre-commit-hooks.yaml").read_text())
    program, *arguments = shlex.split(hook["entry"])
    assert program == "victor-nb"
    assert main(arguments) == 0
    talk.write_text("")
    assert main(arguments) == 1


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys\nfrom victor_nb.testing.command_line.main import main\n"
        "try: main(['cassette', 'ls', '--help'])\n"
        "except SystemExit: print({'pydantic', 'pandas', 'httpx', 'IPython', 'pydantic_ai'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"
