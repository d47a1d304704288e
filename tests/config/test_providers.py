"""The built-in config providers, on a real environment and real files."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from victor_nb.config import EnvironmentConfigProvider, FileConfigProvider
from victor_nb.errors import ConfigError


def read(provider: EnvironmentConfigProvider | FileConfigProvider) -> dict[str, object]:
    return asyncio.run(provider.get_config("s"))


def test_variables_nest_and_json_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VICTOR_CONFIG_STYLE__TONE", "formal")
    monkeypatch.setenv("VICTOR_CONFIG_STYLE__DEPTH", "3")
    monkeypatch.setenv("VICTOR_CONFIG_TAGS", '["a", null]')
    monkeypatch.setenv("VICTOR_CONFIG_ODD", "NaN")
    assert read(EnvironmentConfigProvider()) == {
        "odd": "NaN",
        "style": {"depth": 3, "tone": "formal"},
        "tags": ["a", None],
    }


def test_a_variable_inside_of_a_value_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINE_A", "1")
    monkeypatch.setenv("MINE_A__B", "2")
    with pytest.raises(ConfigError, match="MINE_A__B"):
        read(EnvironmentConfigProvider("MINE_"))


def test_a_file_is_read_again_when_it_changed(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text("x = 1\n[y]\nz = 2\n")
    provider = FileConfigProvider(path)
    first = read(provider)
    assert first == {"x": 1, "y": {"z": 2}}
    first["y"] = "changed by the caller"
    assert read(provider) == {"x": 1, "y": {"z": 2}}
    path.write_text("x = 2\n")
    os.utime(path, ns=(1, 1))
    assert read(provider) == {"x": 2}


def test_json_files_work_and_errors_name_the_line(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"x": [1]}')
    assert read(FileConfigProvider(path)) == {"x": [1]}
    path.write_text('{\n"x": }')
    with pytest.raises(ConfigError, match=r"a\.json, line 2"):
        read(FileConfigProvider(path))
    path.write_text("[1]")
    with pytest.raises(ConfigError, match="holds a list"):
        read(FileConfigProvider(path))


def test_a_missing_file_is_an_error_unless_optional(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        read(FileConfigProvider(tmp_path / "none.toml"))
    assert read(FileConfigProvider(tmp_path / "none.toml", optional=True)) == {}
