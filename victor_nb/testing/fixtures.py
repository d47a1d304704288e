"""Fixtures of pytest for code that chats. What they need is imported when a test asks for them: the plugin loads this
at every start.

`no_real_models`, and the ini option of the same meaning, fail a test that would have asked a real model, whatever the
test makes of the error.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from victor_nb.testing.doubles.victor import Victor
    from victor_nb.testing.refusal import RealModelError, Refusals

_ALLOWED: Final = ("allow", "refuse")
_RECORDING: Final = ("record", "rewrite", "verify", "live")
_refusals = pytest.StashKey["Refusals"]()
_open = pytest.StashKey[ExitStack]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini("victor_real_models", "whether tests may ask real models: allow or refuse", default="allow")


def pytest_configure(config: pytest.Config) -> None:
    if (wanted := config.getini("victor_real_models")) not in _ALLOWED:
        raise pytest.UsageError(f"victor_nb: victor_real_models = {wanted}: it is allow or refuse")


@pytest.fixture
def no_real_models(request: pytest.FixtureRequest) -> Refusals:
    """No request reaches a provider; a test that makes one fails, also when it swallows the error. The value tells
    `errors`, and `forget()` is for tests of just that."""
    return _refuse(request.node)


@pytest.fixture
def victor(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[Victor]:
    """Something to chat with: `victor.script(…)` says what is answered, `victor.chat(…)` asks, `victor.analytics` has
    the frames. With `@pytest.mark.victor_cassette` recorded answers are given. Nothing of the person who runs the test
    counts: no settings, keys or store."""
    from victor_nb.testing.doubles.victor import Victor
    from victor_nb.testing.isolated import isolated

    marker = request.node.get_closest_marker("victor_cassette")
    with isolated(tmp_path / "victor-home", keys=_may_ask(request.node)):
        made = Victor(marker.kwargs.get("model") if marker else None, scripted=marker is None)
        yield made
        made.close()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, Any, Any]:
    """Ahead of the fixtures, which may ask too."""
    if item.config.getini("victor_real_models") == "refuse" and not _may_ask(item):
        _refuse(item)
    with _checked(item):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    with _checked(item):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, Any, Any]:
    try:
        with _checked(item):
            return (yield)
    finally:
        if _open in item.stash:  # gone with it, so that a test that is run again is refused again
            item.stash[_open].close()
            del item.stash[_open], item.stash[_refusals]


def _may_ask(item: pytest.Item) -> bool:
    """What is recorded just now."""
    from victor_nb.testing.plugin import mode_of

    return item.get_closest_marker("victor_cassette") is not None and mode_of(item.config) in _RECORDING


def _refuse(item: pytest.Item) -> Refusals:
    from victor_nb.models import wire_guard
    from victor_nb.testing.refusal import Refusals

    if _refusals not in item.stash:
        refusals = item.stash[_refusals] = Refusals()
        item.stash[_open] = ExitStack()
        item.stash[_open].enter_context(wire_guard.forbidden(refusals.refuse))
    return item.stash[_refusals]


@contextmanager
def _checked(item: pytest.Item) -> Generator[None]:
    """Fails what has passed, and must not; an error of its own is told as it is."""
    try:
        yield
        if errors := _errors(item):
            pytest.fail(f"{errors[0].message}\n  → {errors[0].hint}", pytrace=False)
    finally:
        _errors(item).clear()


def _errors(item: pytest.Item) -> list[RealModelError]:
    return item.stash[_refusals].errors if _refusals in item.stash else []
