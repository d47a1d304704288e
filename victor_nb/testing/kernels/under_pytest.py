"""The part of pytest's plugin that makes kernels fast: notebooks that nbmake runs get forked ones, from one warm server
that lives as long as the run. With pytest-xdist every process has its own.
"""

from __future__ import annotations

import sys
from collections.abc import Generator
from typing import Any, Final

import pytest

_WAYS: Final = ("fork", "plain")
_PROPERTY: Final = "victor_plain_kernels"


def pytest_addoption(parser: pytest.Parser) -> None:
    what = "how the kernels of notebooks are started: fork (from a warm one, on Linux) or plain"
    parser.addini("victor_kernels", what, default="fork")


def pytest_configure(config: pytest.Config) -> None:
    if (wanted := config.getini("victor_kernels")) not in _WAYS:
        raise pytest.UsageError(f"victor_nb: victor_kernels = {wanted}: it is fork or plain")


def _forks(item: pytest.Item) -> bool:
    is_notebook = item.path.suffix == ".ipynb" and type(item).__name__ == "NotebookItem"
    return is_notebook and item.config.getini("victor_kernels") == "fork"


def pytest_collection_finish(session: pytest.Session) -> None:
    if any(map(_forks, session.items)) and not session.config.option.collectonly:
        from victor_nb.testing.kernels.choice import begin_to_warm

        begin_to_warm()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    if not _forks(item):
        return (yield)
    from victor_nb.testing.kernels.choice import forked_kernels

    with forked_kernels() as plain:
        try:
            return (yield)
        finally:
            item.user_properties += [(_PROPERTY, plain)] if plain else []


def pytest_unconfigure() -> None:
    if choice := sys.modules.get("victor_nb.testing.kernels.choice"):
        choice.stop()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Why kernels were not forked: also those of the workers of xdist, whose reports come here."""
    reasons: list[str] = [
        reason
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", "") == "call"
        for name, value in report.user_properties
        if name == _PROPERTY
        for reason in value
    ]
    if reasons:
        terminalreporter.write_line(f"victor_nb: {len(reasons)} kernels were not forked: {reasons[0]}")
