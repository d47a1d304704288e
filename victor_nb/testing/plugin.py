"""The plugin of pytest: notebooks that nbmake runs, and tests that are marked, get recorded answers.

Nothing but pytest and the standard library is imported here: pytest loads this at every start. What a kernel has done
comes back in a file, and counts whatever the notebook made of it.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

pytest_plugins = (
    "victor_nb.testing.fixtures",
    "victor_nb.testing.kernels.under_pytest",
    "victor_nb.testing.notebooks.under_nbval",
)
_MODES: Final = ("replay", "record", "rewrite", "verify", "live")
_MODE: Final = "VICTOR_CASSETTE_MODE"
_SHARING: Final = pytest.StashKey[dict[Path, set[Path]]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("victor_nb")
    group.addoption(
        "--victor",
        choices=_MODES,
        help=f"where models' answers come from: {', '.join(_MODES)} (default: ${_MODE}, then ini, then replay)",
    )
    parser.addini("victor_mode", "where models' answers come from, as --victor", default="")
    parser.addini("victor_cassettes", "the folder of cassettes, beside each notebook or test", default="cassettes")
    parser.addini("victor_exporters", "whether exporters deliver in a replay", type="bool", default=False)
    parser.addini("victor_unused", "recordings that nothing asked for: error, warn, prune or ignore", default="warn")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "victor_cassette(path=None, model=None): give this test recorded answers, the fixture victor those of model",
    )


def mode_of(config: pytest.Config) -> str:
    wanted = config.getoption("--victor") or os.environ.get(_MODE) or config.getini("victor_mode") or "replay"
    if wanted not in _MODES:
        raise pytest.UsageError(f"victor_nb: there is no mode {wanted!r}: one of {', '.join(_MODES)}")
    return str(wanted)


def _is_notebook(item: pytest.Item) -> bool:
    return item.path.suffix == ".ipynb" and type(item).__name__ == "NotebookItem"


def _cassette(item: pytest.Item, name: str) -> Path:
    from victor_nb.testing.notebooks.notebook_file import file_name

    return item.path.parent / str(item.config.getini("victor_cassettes")) / file_name(name)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Around the test itself, so that what is raised here is its failure."""
    if _is_notebook(item):
        return (yield from _around_notebook(item))
    if marker := item.get_closest_marker("victor_cassette"):
        return (yield from _around_test(item, marker))
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """What is said here is said as it is; nbmake would take it for an error of its own."""
    report = yield
    if _is_notebook(item) and call.excinfo and isinstance(call.excinfo.value, pytest.fail.Exception):
        report.longrepr = call.excinfo.value.msg
    return report


def _around_test(item: pytest.Item, marker: pytest.Mark) -> Generator[None, Any, Any]:
    from victor_nb.testing.cassettes import use_cassette

    given = marker.kwargs.get("path") or (marker.args[0] if marker.args else None)
    classes = [node.name for node in item.listchain() if isinstance(node, pytest.Class)]
    path = item.path.parent / given if given else _cassette(item, ".".join([item.path.stem, *classes, item.name]))
    exporters = True if item.config.getini("victor_exporters") else None
    with use_cassette(path, mode_of(item.config), exporters=exporters) as cassette:  # type: ignore[arg-type]  # checked there
        cassette.warns = False
        result = yield
    numbers = cassette.unused_numbers
    report: dict[str, Any] = {"replayed": cassette.replayed, "recorded": cassette.recorded, "unused": len(numbers)}
    report["unused_numbers"] = numbers
    item.user_properties.append(("victor_nb", report))
    _settle_unused(item, report, path, whole=not given)  # one of a name of its own may be another test's too
    return result


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(session: pytest.Session, items: list[pytest.Item]) -> None:
    """Of those that will run, notebooks that would overwrite each other's recordings are known now."""
    notebooks = [item.path for item in items if _is_notebook(item)]
    if notebooks:
        from victor_nb.testing.notebooks.places import sharing

        session.config.stash[_SHARING] = sharing(notebooks, str(session.config.getini("victor_cassettes")))


def checked_cassette(item: pytest.Item) -> Path:
    """The one of a notebook; fails the test where it cannot have it."""
    from victor_nb.testing.notebooks.places import cassette_for, complaint

    path = cassette_for(item.path, str(item.config.getini("victor_cassettes")))
    nothing: dict[Path, set[Path]] = {}
    shared = item.config.stash.get(_SHARING, nothing)
    if told := complaint(path, item.path, item.config.rootpath, shared.get(path.resolve(), ())):
        pytest.fail(f"victor_nb: {told}", pytrace=False)
    if mode_of(item.config) in ("record", "rewrite"):
        from victor_nb.testing.cassettes.file import check_writable

        with _as_failure():
            check_writable(path)
    return path


@contextmanager
def _as_failure() -> Generator[None]:
    from victor_nb.testing.cassettes.missing import CassetteError

    try:
        yield
    except CassetteError as error:
        pytest.fail(f"victor_nb: {error.message}\n  → {error.hint}", pytrace=False)


def kernel_options(config: pytest.Config) -> dict[str, str]:
    """What the ini file has for kernels."""
    return {"VICTOR_CASSETTE_EXPORTERS": "1"} if config.getini("victor_exporters") else {}


def _around_notebook(item: pytest.Item) -> Generator[None, Any, Any]:
    """The kernel inherits the environment, and has a store of its own."""
    from victor_nb.testing.notebooks.trial import trial

    path, options = checked_cassette(item), kernel_options(item.config)
    with trial(item.path, path, mode_of(item.config)) as run, environment(run.environment | options):
        before = item.path.read_text(encoding="utf-8") if item.config.getoption("overwrite", False) else ""
        try:
            result = yield
        finally:
            if before:
                _settle(item.path, before)
            report = run.report()
            item.user_properties.append(("victor_nb", report))
        _check(item, report, path)
        if mode_of(item.config) in ("record", "rewrite"):
            with _as_failure():
                run.keep()
        return result


def _settle(path: Path, before: str) -> None:
    from victor_nb.testing.notebooks.saved import settle

    settle(path, before)


@contextmanager
def environment(variables: Mapping[str, str | None]) -> Generator[None]:
    """For the length of the block; None is a variable that is not there."""
    before = {name: os.environ.get(name) for name in variables}
    _set(variables)
    try:
        yield
    finally:
        _set(before)


def _set(variables: Mapping[str, str | None]) -> None:
    for name, value in variables.items():
        os.environ.pop(name, None)
        os.environ.update({} if value is None else {name: value})


def _check(item: pytest.Item, report: dict[str, Any], path: Path) -> None:
    """Raises when the notebook has passed and must not."""
    from victor_nb.testing.notebooks.trial import mishap

    if found := mishap(report):
        pytest.fail(found.told(f"pytest --victor={found.mode} {item.path.name}"), pytrace=False)
    if report.get("reworded"):
        item.warn(pytest.PytestWarning(report["reworded"]))
    from victor_nb.testing.unused import runs_whole

    _settle_unused(item, report, path, whole=runs_whole(item.path))


def _settle_unused(item: pytest.Item, report: dict[str, Any], path: Path, *, whole: bool) -> None:
    from victor_nb.testing.unused import settle_unused

    if mode_of(item.config) == "replay":
        report["pruned"] = settle_unused(item, path, list(report.get("unused_numbers", [])), whole=whole)
        report["unused"] = report.get("unused", 0) - report["pruned"]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """A line if models were asked, and one of settings that did not count; also of the workers of xdist, whose reports
    come here."""
    from victor_nb.testing.unused import leave

    leave(terminalreporter.config, terminalreporter.stats.get("passed", []))
    found: list[dict[str, Any]] = [
        value
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", "") == "call"
        for name, value in report.user_properties
        if name == "victor_nb"
    ]
    from victor_nb.testing.notebooks.trial import told, unheeded

    for line in filter(None, (told(found), unheeded(found))):
        terminalreporter.write_line(f"victor_nb: {line}")
