"""What config providers and prompt contributors have to stand, as one call in a test of yours: `check_config_provider(
lambda: MyProvider(…))`, `check_contributor(lambda: MyContributor(…))`.

They are tried where they will work: in a coordinator, with odd names, several sessions at once, and in a whole turn.
"""

from __future__ import annotations

import asyncio
import json
import warnings
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from typing import Any, Final, TypeAlias, cast

from victor_nb.agent.coordinators import ConfigCoordinator, PromptCoordinator
from victor_nb.agent.orchestrator import AgentOrchestrator
from victor_nb.config.settings import Settings
from victor_nb.errors import UsageError, VictorError
from victor_nb.exporters.home import running_loop
from victor_nb.protocols import EventQuery, PromptContext
from victor_nb.store import InMemoryStore
from victor_nb.testing.doubles.scripted import ScriptedModel

Factory: TypeAlias = Callable[[], Any]
_SESSIONS: Final = ("session", 'a session\'s "name"; with /, % and {}', "сессия 🧪", "s" * 300)
_LONGEST_CALL_S: Final = 60.0


def check_config_provider(factory: Factory) -> None:
    """Try every rule of a config provider, on an event loop of its own.

    Raises:
        AssertionError: it breaks a rule, which the message names.
        UsageError: an event loop is running here: `await check_config_provider_async(…)` then.
    """
    _run(lambda: check_config_provider_async(factory), "check_config_provider_async")


async def check_config_provider_async(factory: Factory) -> None:
    """`check_config_provider` on the running loop."""
    provider = factory()
    coordinator = _made(lambda: _configured(provider), "get_config(session_id)")
    alone = [await _loaded(coordinator, session) for session in _SESSIONS]
    coordinator.invalidate()
    again = [await _loaded(coordinator, session) for session in _SESSIONS]
    _rule("a session gets the same again", again == alone, "it got another")
    other = await _loaded(_configured(factory()), _SESSIONS[0])
    _rule("a session gets the same again", other == alone[0], "another provider of the factory gave another")
    coordinator.invalidate()
    together = await asyncio.gather(*(_loaded(coordinator, session) for session in _SESSIONS))
    _rule("sessions that are asked for at once get their own", together == alone, "some got another's")
    for config in alone:
        _usable(coordinator, config)
    with _as_errors("assignments(session_id) is a dict"):
        coordinator.assignments("session")
    await _works(config_coordinator=_configured(factory()))


def check_contributor(factory: Factory) -> None:
    """Try every rule of a prompt contributor, on an event loop of its own.

    Raises:
        AssertionError: it breaks a rule, which the message names.
        UsageError: an event loop is running here: `await check_contributor_async(…)` then.
    """
    _run(lambda: check_contributor_async(factory), "check_contributor_async")


async def check_contributor_async(factory: Factory) -> None:
    """`check_contributor` on the running loop."""
    contributor = factory()
    coordinator = _made(lambda: _prompted(contributor), "get_contribution(context) or contribute(context)")
    for what, context in _contexts():
        text = await _contributed(coordinator, what, context)
        same = text == await _contributed(coordinator, what, context)
        _rule("the same context gives the same text", same, f"{what}: providers cache what stays, and this does not")
        new = text == await _contributed(_prompted(factory()), what, context)
        _rule("the same context gives the same text", new, f"{what}: another contributor of the factory differs")
    one, other = (PromptContext(session_id=session, message="Hi") for session in ("one", "other"))
    alone = [await _contributed(coordinator, "a turn", context) for context in (one, other)]
    together = await asyncio.gather(*(_contributed(coordinator, "two turns at once", each) for each in (one, other)))
    _rule("turns at once get their own", list(together) == alone, "some got another's")
    await _works(prompt_coordinator=_prompted(factory()))


def _contexts() -> list[tuple[str, PromptContext]]:
    turn = {"session_id": "session", "message": "How much rain?", "model": "scripted", "tools": ["look_up"]}
    odd = "\x00 {{ x }} %s {0} \u202e 🧪\n```"
    return [
        ("an empty context", PromptContext()),
        ("a turn", PromptContext({**turn, "system_prompt": None, "turn_prompt": None})),
        ("a turn with odd text", PromptContext({**turn, "message": odd, "session_id": odd, "tools": []})),
        ("a turn with a configuration of its own", PromptContext({**turn, "anything": {"nested": [1, None]}})),
    ]


def _prompted(contributor: object) -> PromptCoordinator:
    coordinator = PromptCoordinator(base=False, timeout_s=_LONGEST_CALL_S)
    coordinator.add(contributor)  # type: ignore[arg-type]  # that is what is found out
    return coordinator


def _configured(provider: Any) -> ConfigCoordinator:
    return ConfigCoordinator([provider], timeout_s=_LONGEST_CALL_S)


def _usable(coordinator: ConfigCoordinator, config: dict[str, Any]) -> None:
    odd = [key for key in cast("dict[object, Any]", config) if not isinstance(key, str)]
    _rule("keys are names", not odd, f"{odd[:3]} are not")
    try:
        coordinator.validate_config(config)
    except VictorError as error:
        raise AssertionError(f"values are what the settings of their names can be: {error}") from error


async def _loaded(coordinator: ConfigCoordinator, session_id: str) -> dict[str, Any]:
    try:
        return await coordinator.load_config(session_id)
    except VictorError as error:
        told = error.message.removeprefix("Every config provider failed: ")
        raise AssertionError(f"get_config() takes the session {session_id[:60]!r}: {told}") from error


async def _contributed(coordinator: PromptCoordinator, what: str, context: PromptContext) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of what is raised below
        try:
            built = await coordinator.build(context)
        except VictorError as error:
            raise AssertionError(f"it takes {what}: {error.message}") from error
    (section,) = built.asked[:1]
    _rule(f"it takes {what}", section.status != "failed", section.error or "")
    return section.text


async def _works(**coordinator: Any) -> None:
    """In a turn: what it gives can be asked with."""
    store = InMemoryStore()
    settings = Settings(context_window=32_768)
    orchestrator = AgentOrchestrator(settings, model=ScriptedModel("Hello."), store=store, **coordinator)
    with _as_errors("it works in an orchestrator"):
        await orchestrator.chat("Hello")
    events = store.read(EventQuery(types=["config_loaded", "prompt_built"]))
    failed = [name for event in events for name in json.loads(event.data)["failed"]]
    _rule("it works in an orchestrator", not failed, f"{', '.join(failed)} failed")


@contextmanager
def _as_errors(rule: str) -> Generator[None]:
    """What is warned of, or raised, in the block breaks the rule."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        try:
            yield
        except VictorError as error:
            raise AssertionError(f"{rule}: {error.message}") from error
    told = [str(one.message) for one in caught if issubclass(one.category, UserWarning)]
    _rule(rule, not told, "; ".join(told))


def _made(make: Callable[[], Any], method: str) -> Any:
    try:
        return make()
    except (TypeError, VictorError) as error:
        raise AssertionError(f"it has {method}, and priority() is a number: {error}") from error


def _run(check: Callable[[], Coroutine[Any, Any, None]], name: str) -> None:
    if running_loop():
        raise UsageError("an event loop is running here.", hint=f"write: await {name}(…)")
    asyncio.run(check())


def _rule(rule: str, holds: bool, otherwise: str) -> None:
    if not holds:
        raise AssertionError(f"{rule}: {otherwise}")
