"""Keys in a `.env` file are found, weigh less than the environment, and go nowhere else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from victor_nb.errors import MissingKeyError
from victor_nb.models import build_model
from victor_nb.models.detect import detect
from victor_nb.models.keys import environment

CANARY = "sk-canary-123"


@pytest.fixture
def dotenv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The `.env` of a working directory of the test's own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / ".env"


def test_a_key_in_the_file_is_enough(dotenv: Path) -> None:
    with pytest.raises(MissingKeyError, match=r"\.env"):
        build_model("openai:gpt-5")
    dotenv.write_text(f"# mine\nexport OPENAI_API_KEY='{CANARY}'\n")
    assert build_model("openai:gpt-5").name == "gpt-5"
    assert environment()["OPENAI_API_KEY"] == CANARY


def test_the_environment_goes_first(dotenv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dotenv.write_text("OPENAI_API_KEY=from-the-file\n")
    monkeypatch.setenv("OPENAI_API_KEY", "from-the-environment")
    assert environment()["OPENAI_API_KEY"] == "from-the-environment"
    monkeypatch.setenv("OPENAI_API_KEY", "")
    assert environment().get("OPENAI_API_KEY") == "from-the-file"


def test_it_is_not_copied_into_the_environment_or_shown(dotenv: Path) -> None:
    dotenv.write_text(f"ANTHROPIC_API_KEY={CANARY}\n")
    model = build_model("anthropic:claude-sonnet-5-5")
    assert "ANTHROPIC_API_KEY" not in os.environ
    assert CANARY not in repr(environment()) + repr(model) + repr(vars(model))


def test_only_keys_are_taken_from_the_file(dotenv: Path) -> None:
    """A file that came with a folder could send the person's own key to a server of its choice."""
    dotenv.write_text("OPENAI_BASE_URL=http://evil.example/v1\nPATH=/nowhere\nOPENAI_API_KEY=k\n")
    assert "OPENAI_BASE_URL" not in environment()
    assert environment()["PATH"] == os.environ["PATH"]
    assert build_model("openai:gpt-5").base_url is None


def test_a_key_in_the_file_is_detected(dotenv: Path) -> None:
    dotenv.write_text("ANTHROPIC_API_KEY=k\n")
    found = {name: value for name, value in environment().items() if name.endswith("_API_KEY")}
    assert detect(found).provider == "anthropic"
    assert len(environment()) == len(list(environment()))


def test_a_file_that_cannot_be_read_holds_no_keys(dotenv: Path) -> None:
    dotenv.write_bytes(b"OPENAI_API_KEY=\xff\xfe\n")
    assert "OPENAI_API_KEY" not in environment()
    dotenv.unlink()
    dotenv.mkdir()
    assert "OPENAI_API_KEY" not in environment()


@pytest.mark.parametrize("odd", ["sk-canary-1…", "sk-canary-1\n", "sk canary-1", "“sk-canary-1”"])
def test_what_no_header_can_carry_is_told_by_its_variable(
    dotenv: Path, monkeypatch: pytest.MonkeyPatch, odd: str
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", odd)
    with pytest.raises(MissingKeyError, match=r"OPENAI_API_KEY holds no API key: its character \d+ is one") as caught:
        build_model("openai:gpt-5")
    with pytest.raises(MissingKeyError, match="api_key holds no API key"):
        build_model("openai:gpt-5", api_key=odd)
    assert "canary" not in str(caught.value)
