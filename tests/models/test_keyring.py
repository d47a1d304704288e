"""Keys in the keyring of the operating system: the library's own protocol, with a keyring in a file as its backend."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from victor_nb.models.keyring_keys import KeyringKeys
from victor_nb.models.keys import environment

BACKEND = """
import keyring.backend, time
class Keyring(keyring.backend.KeyringBackend):
    priority = 1
    def get_password(self, service, name):
        {answer}
    def set_password(self, *args): ...
    def delete_password(self, *args): ...
"""
SCRIPT = """
import logging, threading, time
logging.basicConfig(format="%(message)s")
from victor_nb.models.keys import environment
before = time.monotonic()
env = environment()
print(env.get("OPENAI_API_KEY"), env.get("OPENAI_API_KEY"), env.get("PATH_OF_MINE"), env.place_of("OPENAI_API_KEY"))
print(time.monotonic() - before < 30)
from victor_nb.models import build_model
print(build_model("openai:gpt-5").name if env.get("OPENAI_API_KEY") else "no key")
"""


def asked(folder: Path, monkeypatch: pytest.MonkeyPatch, answer: str) -> tuple[list[str], str]:
    (folder / "my_backend.py").write_text(BACKEND.format(answer=answer))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "my_backend.Keyring")
    monkeypatch.syspath_prepend(folder)
    path = ":".join(entry for entry in sys.path if entry)
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {path.split(':')!r}\n{SCRIPT}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines(), done.stderr


def test_a_key_in_the_keyring_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines, _ = asked(tmp_path, monkeypatch, "return f'{service}/{name}'")
    key = "victor_nb/OPENAI_API_KEY"
    assert lines == [f"{key} {key} None keyring", "True", "gpt-5"]


def test_the_environment_and_the_file_go_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "of-the-environment")
    lines, _ = asked(tmp_path, monkeypatch, "raise SystemExit('asked')")
    assert lines[0] == "of-the-environment of-the-environment None environment"


def test_a_keyring_that_hangs_holds_nobody_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines, told = asked(tmp_path, monkeypatch, "time.sleep(600)")
    assert lines == ["None None None None", "True", "no key"]
    assert told.count("no answer in") == 1


def test_a_keyring_that_fails_holds_no_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines, told = asked(tmp_path, monkeypatch, "raise OSError('secret-in-an-error')")
    assert lines[0] == "None None None None"
    assert told.count("cannot be used: OSError") == 1
    assert "secret-in-an-error" not in told


def test_a_machine_without_a_keyring_is_not_worth_a_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines, told = asked(tmp_path, monkeypatch, "raise __import__('keyring').errors.NoKeyringError")
    assert (lines[0], told) == ("None None None None", "")


def test_only_names_of_keys_are_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    with pytest.raises(KeyError):
        environment()["NO_SUCH_VARIABLE"]
    assert KeyringKeys().get("ANTHROPIC_API_KEY") is None
