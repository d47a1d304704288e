"""The built-in contributors: what each puts into the system prompt, and what it refuses."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from victor_nb.agent.coordinators import PromptCoordinator
from victor_nb.errors import ConfigError, PromptError
from victor_nb.prompt import (
    BasePromptContributor,
    CodeStylePromptContributor,
    CompliancePromptContributor,
    LanguagePromptContributor,
    ProjectPromptContributor,
    builtin_contributors,
)
from victor_nb.protocols import PromptContext


def text(contributor: BasePromptContributor) -> str:
    return asyncio.run(contributor.get_contribution(PromptContext()))


def write(path: Path, content: str, stamp: int = 1) -> Path:
    path.write_text(content)
    os.utime(path, ns=(stamp, stamp))
    return path


def test_rules_stand_whole_behind_the_base_prompt(tmp_path: Path) -> None:
    rules = CompliancePromptContributor("Never name a patient.")
    prompt = asyncio.run(PromptCoordinator([LanguagePromptContributor("de"), rules]).build_system_prompt())
    parts = prompt.split("\n\n")
    assert parts[0].startswith("You are an assistant")
    assert parts[1].endswith("whatever anybody asks for:\nNever name a patient.")
    assert rules.required


def test_rules_in_a_file_are_read_again_and_must_be_there(tmp_path: Path) -> None:
    path = tmp_path / "rules.md"
    for given in (path, str(path)):
        rules = CompliancePromptContributor(given, title="")
        with pytest.raises(PromptError, match=r"CompliancePromptContributor failed.*rules\.md cannot be read"):
            asyncio.run(PromptCoordinator([rules]).build())
        write(path, "One.", 1)
        assert text(rules) == "One."
        write(path, "Two.", 2)
        assert text(rules) == "Two."
        write(path, " \n", 3)
        with pytest.raises(PromptError, match="holds no rules"):
            text(rules)
        path.write_bytes(b"\xff\xfe\xfa")
        with pytest.raises(PromptError, match="is no UTF-8 text"):
            text(rules)
        path.unlink()
    with pytest.raises(ConfigError, match="rules are empty"):
        CompliancePromptContributor(" ")


def test_style_is_a_name_a_text_or_details() -> None:
    google = text(CodeStylePromptContributor("Google"))
    assert google.splitlines() == [
        "Python code that you write:",
        "- Follow the Google Python style guide.",
        "- Lines of at most 80 characters.",
        "- Indent by 4 spaces.",
        "- Docstrings in the google convention.",
    ]
    own = CodeStylePromptContributor("Write short functions.", typed=True, prefer={"pandas": "polars"}, quotes="single")
    assert text(own).splitlines()[1:] == [
        "- Write short functions.",
        "- Strings in single quotes.",
        "- Type hints on every function.",
        "- Use polars rather than pandas.",
    ]
    assert text(CodeStylePromptContributor("black", line_length=100, prefer=["httpx"])).count("100") == 1
    assert text(CodeStylePromptContributor()) == ""


def test_the_projects_own_formatter_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    style = CodeStylePromptContributor("project", line_length=99)
    path = write(tmp_path / "pyproject.toml", '[tool.black]\ntarget-version = ["py312", "py311"]', 1)
    black = [
        "Lines of at most 99 characters.",
        "Indent by 4 spaces.",
        "Strings in double quotes.",
        "It must run on Python 3.11.",
    ]
    assert text(style).splitlines()[1:] == [f"- {line}" for line in black]
    write(
        path,
        '[tool.ruff]\nline-length = 120\n[tool.ruff.format]\nquote-style = "single"\nindent-style = "tab"\n'
        '[tool.ruff.lint]\nselect = ["ANN", "D"]\npydocstyle.convention = "numpy"\n',
        2,
    )
    ruff = text(CodeStylePromptContributor(from_project=True))
    for line in ("120 characters", "single quotes", "with tabs", "Type hints", "numpy convention"):
        assert line in ruff
    write(path, "[project]\n", 3)
    assert text(CodeStylePromptContributor(from_project=True)) == ""
    write(path, "[tool.ruff\n", 4)
    with pytest.raises(PromptError, match=r"pyproject\.toml is not valid TOML"):
        text(style)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: CodeStylePromptContributor("gogle"), r"no code style 'gogle'\. Did you mean 'google'"),
        (lambda: CodeStylePromptContributor(""), "is a name or a text"),
        (lambda: CodeStylePromptContributor("pep8", line_length=5), "line_length is 5, and must be .* 20 to 400"),
        (lambda: CodeStylePromptContributor(quotes="singles"), "'single' or 'double'.*Did you mean 'single'"),  # type: ignore[arg-type]
        (lambda: LanguagePromptContributor("germn"), r"'germn' is no language.*Did you mean 'german'"),
        (lambda: LanguagePromptContributor(""), "is no language"),
        (lambda: ProjectPromptContributor(max_tokens=0), "max_tokens is 0, and must be a whole number from 1"),
    ],
)
def test_what_cannot_be_is_refused_at_once(make, match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        make()


@pytest.mark.parametrize(
    ("given", "name"),
    [("de", "German"), ("German", "German"), ("deutsch", "German"), ("FRANÇAIS", "French"), ("pt-BR", "Brazilian"),
     ("zh_Hant", "Traditional Chinese"), ("en-AU", "English (AU)"), ("日本語", "Japanese"), ("british english", "Br")],
)  # fmt: skip
def test_a_language_has_many_names(given: str, name: str) -> None:
    assert text(LanguagePromptContributor(given)).startswith(f"Answer in {name}")


def test_the_nearest_project_file_is_told_and_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    project = ProjectPromptContributor()
    write(tmp_path / "AGENTS.md", "Top.")
    assert text(project) == "From AGENTS.md of the project:\nTop."
    write(tmp_path / "VICTOR.md", "Ours.")
    assert text(project).endswith("VICTOR.md of the project:\nOurs.")
    near = write(below / "AGENTS.md", "Near.")
    assert text(project).endswith("\nNear.")
    write(near, "Nearer.", 2)
    assert text(project).endswith("\nNearer.")
    write(near, "", 3)
    assert text(project) == ""


def test_a_project_file_may_be_named_missed_or_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert text(ProjectPromptContributor(tmp_path / "none.md")) == ""
    for path in (None, tmp_path / "none.md"):
        with pytest.raises(PromptError, match=r"There is no .*\.md"):
            text(ProjectPromptContributor(path, required=True))
    long = write(tmp_path / "long.md", "".join(f"Line {n}.\n" for n in range(999)))
    cut = text(ProjectPromptContributor(long, max_tokens=100)).splitlines()
    assert cut[-2] == "Line 33."
    assert cut[-1].startswith("[long.md goes on; ")
    assert len("\n".join(cut)) < 3 * 100 + 120


def test_settings_ask_for_contributors(tmp_path: Path) -> None:
    names = [type(one).__name__ for one in builtin_contributors(language="de", notebook=True, project=True)]
    assert names == ["LanguagePromptContributor", "ProjectPromptContributor", "NotebookPromptContributor"]
    assert builtin_contributors() == []
    with pytest.raises(ConfigError, match=r"Setting prompt_language is 'dutsch'.*Did you mean 'd"):
        builtin_contributors(language="dutsch")


@pytest.mark.parametrize("make", [lambda: CodeStylePromptContributor("pep8"), lambda: CompliancePromptContributor("x")])
def test_the_same_input_gives_the_same_bytes(make) -> None:
    assert len({text(make()).encode() for _ in range(3)}) == 1
