"""Settings: which source wins, what is refused, and that the user is told where a value came from."""

from __future__ import annotations

from pathlib import Path

import pytest

from victor_nb.config import sources
from victor_nb.config.settings import Settings, allowed_values
from victor_nb.errors import ConfigError


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project folder two levels deep, and an empty user's folder."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(sources, "_warned", set())
    folder = tmp_path / "project" / "notebooks"
    folder.mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text("")
    monkeypatch.chdir(folder)
    return folder


def write_user_file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "config" / "victor_nb" / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return path


def test_each_source_wins_over_the_next(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ["model", "embedder", "store", "system_prompt"]
    user = write_user_file(tmp_path, "".join(f'{name} = "user"\n' for name in lines))
    (project.parent / "pyproject.toml").write_text(
        '[tool.victor_nb]\nmodel = "project"\nembedder = "project"\nstore = "project"'
    )
    (project / ".env").write_text("VICTOR_MODEL=dotenv\nVICTOR_EMBEDDER=dotenv\n")
    monkeypatch.setenv("VICTOR_MODEL", "env")
    settings = Settings()
    assert [str(getattr(settings, name)) for name in lines] == ["env", "dotenv", "project", "user"]
    assert Settings(model="mine").model == "mine"
    where = {name: origin for name, (_, origin) in settings.explain().items()}
    assert where["model"] == "env VICTOR_MODEL"
    assert where["embedder"] == ".env VICTOR_EMBEDDER"
    assert where["store"] == str(project.parent / "pyproject.toml")
    assert where["system_prompt"] == str(user)
    assert where["top_p"] == "default"


def test_the_home_is_where_victor_home_says(own_home: Path) -> None:
    assert Settings().home == own_home
    assert Settings(home="~/x").home == Path("~/x").expanduser()


@pytest.mark.parametrize(("text", "value"), [("0.8", 0.8), ("6000", 6000), ("1.0", 1.0)])
def test_a_threshold_in_the_environment_is_a_number(text: str, value: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VICTOR_CONTEXT_COMPACTION_THRESHOLD", text)
    settings = Settings()
    assert settings.context_compaction_threshold == value
    assert type(settings.context_compaction_threshold) is type(value)
    assert settings.context_compaction_target == value / 2


@pytest.mark.parametrize("value", [True, False, float("nan"), "0.8", 0, 1, 0.0, 1.5, -3, 2.5, None, float("inf")])
def test_what_is_neither_a_fraction_nor_tokens_is_refused(value: object) -> None:
    with pytest.raises(ConfigError, match=r"context_compaction_threshold.*fraction"):
        Settings(context_compaction_threshold=value)


@pytest.mark.parametrize("text", ["much", "nan", "true", "1"])
def test_a_threshold_that_is_no_number_names_its_variable(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VICTOR_CONTEXT_COMPACTION_THRESHOLD", text)
    with pytest.raises(ConfigError, match="env VICTOR_CONTEXT_COMPACTION_THRESHOLD"):
        Settings()


def test_an_unknown_name_gets_a_suggestion(project: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"'modle'\. Did you mean 'model'"):
        Settings(modle="x")
    (project / "pyproject.toml").write_text("[tool.victor_nb]\nmax_token = 5\n")
    with pytest.raises(ConfigError, match=r"pyproject.toml: unknown setting 'max_token'. Did you mean 'max_tokens'"):
        Settings()


def test_an_unknown_variable_is_warned_of_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VICTOR_MODLE", "x")
    monkeypatch.setenv("VICTOR_CONFIG_ANYTHING", "x")
    with pytest.warns(UserWarning, match=r"VICTOR_MODLE is no setting.*Did you mean 'model'") as caught:
        assert [Settings().model, Settings().model] == [None, None]
    assert len(caught) == 1


def test_a_bad_value_is_one_line_with_its_source(project: Path) -> None:
    (project / ".env").write_text("VICTOR_MAX_TOKENS=many\n")
    with pytest.raises(ConfigError) as caught:
        Settings()
    assert "max_tokens (from .env VICTOR_MAX_TOKENS)" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_broken_file_says_where(project: Path) -> None:
    (project / "pyproject.toml").write_text("[tool.victor_nb]\nmodel = \n")
    with pytest.raises(ConfigError, match=r"pyproject.toml.*line 2"):
        Settings()


def test_the_target_stays_below_the_threshold() -> None:
    assert Settings(context_compaction_threshold=6001).context_compaction_target == 3000
    assert Settings(context_compaction_threshold=0.5, context_compaction_target=400).context_compaction_target == 400
    with pytest.raises(ConfigError, match=r"target \(0.9\) is above"):
        Settings(context_compaction_target=0.9)


def test_only_what_is_set_is_sent_with_requests() -> None:
    assert Settings().request_settings() == {}
    settings = Settings(temperature=0, timeout_s=30)
    assert settings.request_settings() == {"temperature": 0.0, "timeout": 30.0}


def test_settings_cannot_be_changed_in_place() -> None:
    settings = Settings(model="demo")
    with pytest.raises(ValueError, match="frozen"):
        settings.model = "other"  # type: ignore[misc]
    assert settings.model_copy(update={"model": "other"}).model == "other"


def test_a_database_as_store_keeps_its_password_to_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "postgresql://ada:canary@db.example.org/lab?sslpassword=canary&sslmode=require"
    monkeypatch.setenv("VICTOR_STORE", url)
    settings = Settings()
    assert settings.store_location == url
    shown = "postgresql://ada:***@db.example.org/lab?sslpassword=***&sslmode=require"
    assert settings.explain()["store"] == (shown, "env VICTOR_STORE")
    assert "canary" not in f"{settings!r} {settings} {settings.explain()}"
    with pytest.raises(ConfigError, match="postgresql:// URL") as refused:
        Settings(store="mysql://ada:canary@db")
    assert "canary" not in str(refused.value)


def test_the_store_is_a_file_unless_it_is_a_database(project: Path) -> None:
    assert Settings(home=project).store_location == project / "victor.db"
    assert Settings(store="~/lab.db").store_location == Path.home() / "lab.db"


def test_patterns_to_redact_come_from_everywhere(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project.parent / "pyproject.toml").write_text("[tool.victor_nb]\nredact_patterns = ['EMP-\\d+', 'a|b']")
    assert Settings(capture_content="redacted").redact_patterns == [r"EMP-\d+", "a|b"]
    monkeypatch.setenv("VICTOR_REDACT_PATTERNS", r'["EMP-\\d+"]')
    assert Settings().redact_patterns == [r"EMP-\d+"]
    assert Settings().updated({"redact_patterns": ["x"]}, "argument").redact_patterns == ["x"]
    monkeypatch.setenv("VICTOR_REDACT_PATTERNS", "EMP")
    with pytest.raises(ConfigError, match=r"VICTOR_REDACT_PATTERNS.*JSON list"):
        Settings()
    with pytest.raises(ConfigError, match=r"'\(' is no regular expression"):
        Settings(redact_patterns=["fine", "("])


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"capture_content": "redact"}, r"is 'redact'; it must be 'on', 'off' or 'redacted'\. Did you mean 'redacted'"),
        (
            {"compaction_strategy": "summary"},
            "'digest', 'recent', 'summarizing', .* or 'hybrid'.*Did you mean 'summari",
        ),
        ({"tool_selection_strategy": 1}, "is 1; it must be 'keyword', 'semantic' or 'hybrid'"),
        ({"tool_selection_limit": 0}, "is 0; it must be a whole number from 1"),
        ({"tool_selection_hybrid_alpha": 1.5}, r"is 1\.5; it must be a number from 0 up to 1"),
        ({"keep_sessions": "maybe"}, "is 'maybe'; it must be true or false"),
        ({"max_parallel_tools": -1}, "is -1; it must be a whole number from 1"),
        ({"temperature": 3}, "is 3; it must be a number from 0 up to 2"),
        ({"tool_timeout_s": 0}, "is 0; it must be seconds above 0"),
        ({"model": ""}, "is ''; it must not be empty; leave it out instead"),
        ({"embedder": " "}, "must not be empty"),
        ({"prompt_language": ""}, "must not be empty"),
        ({"home": ""}, "must be the path of a folder; leave it out"),
        ({"redact_patterns": ["("]}, r"'\(' is no regular expression"),
        ({"redact_patterns": "EMP"}, "must be a list of regular expressions"),
        ({"prompt_note_book": True}, "Unknown setting 'prompt_note_book'. Did you mean 'prompt_notebook'"),
    ],
)
def test_a_value_that_cannot_be_is_told_with_what_can(given: dict[str, object], match: str) -> None:
    with pytest.raises(ConfigError, match=match) as caught:
        Settings(**given)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("url", ["localhost:11434/v1", "http://", "ftp://h/", "http://a b/", "http://h:99999/", "v1"])
def test_a_base_url_is_an_http_url(url: str) -> None:
    with pytest.raises(ConfigError, match=r"base_url \(from argument\) must be an http:// or https:// URL"):
        Settings(base_url=url)


def test_a_base_url_keeps_its_password_to_itself() -> None:
    settings = Settings(base_url="https://ada:canary@models.example.org/v1")
    assert settings.base_url == "https://ada:canary@models.example.org/v1"
    assert "canary" not in f"{settings!r} {settings.explain()}"
    with pytest.raises(ConfigError) as refused:
        Settings(base_url="https://ada:canary@/v1")
    assert "canary" not in str(refused.value)


def test_sections_of_the_prompt_are_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VICTOR_PROMPT_NOTEBOOK", "true")
    monkeypatch.setenv("VICTOR_PROMPT_LANGUAGE", "de")
    nothing = {"code_style": None, "compliance": None, "project": False}
    assert Settings().prompt_options() == {"language": "de", "notebook": True, **nothing}


def test_every_setting_says_what_it_may_be() -> None:
    said = {name: allowed_values(name) for name in Settings.model_fields}
    assert said["context_window"] == "a whole number from 1"
    assert said["timeout_s"] == "seconds above 0"
    assert "a value of its kind" not in said.values()
