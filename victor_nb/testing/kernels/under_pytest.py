"""The part of pytest's plugin that makes kernels fast: notebooks that nbmake runs get forked ones, from one warm server
that lives as long as the run; one notebook alone does not repay it. With pytest-xdist every process has its own.
"""

from __future__ import annotations

import sys
from collections.abc import Generator
from typing import Any, Final

import pytest

_WAYS: Final = ("fork", "plain")
_PROPERTY: Final = "victor_plain_kernels"
_REPAID_BY: Final = 2
_PAYS = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    what = "how the kernels of notebooks are started: fork (from a warm one, on Linux) or plain"
    parser.addini("victor_kernels", what, default="fork")


def pytest_configure(config: pytest.Config) -> None:
    if (wanted := config.getini("victor_kernels")) not in _WAYS:
        raise pytest.UsageError(f"victor_nb: victor_kernels = {wanted}: it is fork or plain")


def _is_notebook(item: pytest.Item) -> bool:
    return item.path.suffix == ".ipynb" and type(item).__name__ == "NotebookItem"


def _forks(item: pytest.Item) -> bool:
    return _is_notebook(item) and item.config.stash.get(_PAYS, False)


def _is_worker(config: pytest.Config) -> bool:
    """Of xdist: it collects everything, and hears test by test what it is going to run."""
    return hasattr(config, "workerinput")


def pytest_collection_finish(session: pytest.Session) -> None:
    notebooks = sum(map(_is_notebook, session.items))
    forked = session.config.getini("victor_kernels") == "fork"
    session.config.stash[_PAYS] = forked and notebooks >= _REPAID_BY
    if not _is_worker(session.config) and not session.config.option.collectonly and any(map(_forks, session.items)):
        _begin_to_warm()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    if _is_worker(item.config) and any(_forks(one) for one in (item, nextitem) if one):
        _begin_to_warm()


def _begin_to_warm() -> None:
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
        what = "1 kernel was" if len(reasons) == 1 else f"{len(reasons)} kernels were"
        terminalreporter.write_line(f"victor_nb: {what} not forked: {reasons[0]}")
