"""Fixtures that every test may use; the real servers behind them live in `tests/support`."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings

os.environ.pop("PYTEST_ADDOPTS", None)  # is for this run, not for those that tests start
settings.register_profile("unhurried", deadline=None)  # a busy machine is no failure
settings.load_profile("unhurried")

pytest_plugins = [
    "support.llm_server",
    "support.services",
    "support.otlp",
    "support.kernels",
    "support.cells",
    "support.lab",
]

KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GOOGLE_API_KEY", "GEMINI_API_KEY", "OLLAMA_BASE_URL", "OLLAMA_HOST")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tests of odd texts log halves of characters, which no report can carry from one process to another."""
    report = yield
    report.sections = [(name, text.encode(errors="replace").decode()) for name, text in report.sections]
    return report


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """`async def` tests run on asyncio, the event loop of Jupyter kernels."""
    return "asyncio"


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test has its own store, and none sees the keys or settings of the person who runs it."""
    for name in [*KEYS, *(n for n in os.environ if n.startswith("VICTOR_") and not n.startswith("VICTOR_TEST_"))]:
        monkeypatch.delenv(name, raising=False)
    home = tmp_path / "victor-home"
    monkeypatch.setenv("VICTOR_HOME", str(home))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return home
