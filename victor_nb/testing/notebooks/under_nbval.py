"""The part of pytest's plugin for nbval, which makes a test of every cell: the kernel that it starts with the first one
replays, and a request that is not recorded fails the cell that makes it. Only pytest and the standard library are
imported.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack
from typing import Any, Final

import pytest

from victor_nb.testing.plugin import checked_cassette, environment, kernel_options, mode_of

_TRIAL: Final = pytest.StashKey[Any]()
_SEEN: Final = pytest.StashKey[dict[str, Any]]()
_RECORDS: Final = "victor_nb: nbval compares, and records nothing.\n  → pytest --nbmake --victor={mode} records"


def _is_cell(item: pytest.Item) -> bool:
    return item.path.suffix == ".ipynb" and type(item).__name__ == "IPyNbCell"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, Any, Any]:
    """The kernel inherits the environment that there is when it is started."""
    if not _is_cell(item) or not item.parent or getattr(item.parent, "kernel", None) is not None:
        return (yield)
    from victor_nb.testing.notebooks.trial import trial

    mode = mode_of(item.config)
    if mode in ("record", "rewrite"):
        pytest.fail(_RECORDS.format(mode=mode), pytrace=False)
    until_the_end = ExitStack()
    item.config.add_cleanup(until_the_end.close)
    run = until_the_end.enter_context(trial(item.path, checked_cassette(item), mode))
    item.parent.stash[_TRIAL] = run
    with environment(run.environment | kernel_options(item.config)):
        return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    if not _is_cell(item) or not item.parent or _TRIAL not in item.parent.stash:
        return (yield)
    from victor_nb.testing.notebooks.trial import mishap

    try:
        result = yield
    finally:
        new = _news(item.parent)
        item.user_properties.append(("victor_nb", new))
    if found := mishap(new):
        pytest.fail(found.told(f"pytest --nbmake --victor={found.mode}"), pytrace=False)
    return result


def _news(file: pytest.Collector | Any) -> dict[str, Any]:
    """What the kernel has told since the cell before. What is never asked for is known to nobody here."""
    nothing: dict[str, Any] = {}
    now, before = file.stash[_TRIAL].report(), file.stash.get(_SEEN, nothing)
    file.stash[_SEEN] = now
    new = {name: now.get(name, 0) - before.get(name, 0) for name in ("replayed", "verified", "tokens", "cost_usd")}
    return new | {name: now[name] for name in ("missing", "changed") if now.get(name) and not before.get(name)}
