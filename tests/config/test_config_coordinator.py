"""The config coordinator with providers as a user would write them."""

from __future__ import annotations

import asyncio
import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from victor_nb.agent.coordinators.config_coordinator import ConfigCoordinator
from victor_nb.config.merge import copied, deep_merge
from victor_nb.errors import ConfigError
from victor_nb.protocols import IConfigProvider

configs = st.recursive(
    st.dictionaries(st.sampled_from("abc"), st.integers(0, 9) | st.lists(st.integers(), max_size=2), max_size=3),
    lambda inner: st.dictionaries(st.sampled_from(["a", "b", "x.y"]), inner, max_size=3),
    max_leaves=8,
)


class Fixed(IConfigProvider):
    def __init__(self, rank: int, config: Any, after: asyncio.Event | None = None, done: asyncio.Event | None = None):
        self.rank, self.config, self.after, self.done = rank, config, after, done

    def priority(self) -> int:
        return self.rank

    async def get_config(self, session_id: str) -> dict[str, Any]:
        if self.after:
            await self.after.wait()
        if self.done:
            self.done.set()
        return self.config


class Tenant(IConfigProvider):
    def priority(self) -> int:
        return 100

    async def get_config(self, session_id: str) -> dict[str, Any]:
        return {"model": {"temperature": 0.2}, "session": session_id}


class Broken:
    def get_config(self, session_id: str) -> dict[str, Any]:
        raise OSError("no disk")


def test_the_documented_form() -> None:
    config_coordinator = ConfigCoordinator(providers=[Tenant(), Fixed(1, {"model": {"temperature": 1, "seed": 7}})])
    assert config_coordinator.get_config() == {}
    config = asyncio.run(config_coordinator.load_config(session_id="s1"))
    assert config == {"model": {"temperature": 0.2, "seed": 7}, "session": "s1"}
    config["model"].clear()
    config_coordinator.get_config()["model"].clear()
    assert config_coordinator.get_config()["model"]["seed"] == 7


def test_all_providers_wait_at_the_same_time_and_their_order_of_finishing_is_nothing() -> None:
    async def story() -> dict[str, Any]:
        done = asyncio.Event()  # the first to be asked can only answer after the last
        coordinator = ConfigCoordinator([Fixed(1, {"a": "low"}, after=done), Fixed(2, {"a": "high"}, done=done)])
        return await asyncio.wait_for(coordinator.load_config("s"), 5)

    assert asyncio.run(story()) == {"a": "high"}


def test_a_plain_function_and_no_priority_will_do() -> None:
    class Plain:
        def get_config(self, session_id: str) -> dict[str, Any]:
            return {"a": "plain"}

    coordinator = ConfigCoordinator([Plain(), Fixed(49, {"a": "below"}), Fixed(51, {"b": "above"})])
    assert asyncio.run(coordinator.load_config("s", {"c": 1})) == {"a": "plain", "b": "above", "c": 1}


def test_a_provider_that_fails_is_named_and_the_others_count() -> None:
    coordinator = ConfigCoordinator([Broken(), Fixed(1, {"a": 1})])
    with pytest.warns(UserWarning, match="Broken: OSError: no disk") as caught:
        load = [asyncio.run(coordinator.load("s")) for _ in range(3)][-1]
    assert len(caught) == 1
    assert load.config == {"a": 1}
    assert load.providers == ("Fixed",)
    assert load.failed == {"Broken": "OSError: no disk"}
    with pytest.raises(ConfigError, match="Broken"):
        asyncio.run(ConfigCoordinator([Broken(), Fixed(1, {})], strict=True).load("s"))
    with pytest.raises(ConfigError, match="Every config provider failed"):
        asyncio.run(ConfigCoordinator([Broken()]).load("s"))


def test_what_is_no_dict_is_the_failure_of_its_provider() -> None:
    with pytest.raises(ConfigError, match=r"Fixed.get_config returned a list"):
        asyncio.run(ConfigCoordinator([Fixed(1, ["x"])]).load_config("s"))


def test_what_is_no_provider_is_refused_at_once() -> None:
    with pytest.raises(TypeError, match="needs a method get_config"):
        ConfigCoordinator([object()])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="needs a method get_config"):
        ConfigCoordinator([Tenant])  # type: ignore[list-item]
    with pytest.raises(TypeError, match=r"Fixed.priority\(\) must return a number"):
        ConfigCoordinator([Fixed("high", {})])  # type: ignore[arg-type]


def test_explain_tells_whose_value_it_is() -> None:
    coordinator = ConfigCoordinator([Tenant(), Fixed(1, {"model": {"temperature": 1, "seed": 7}})])
    load = asyncio.run(coordinator.load("s", {"extra": True}))
    found = coordinator.explain("model.temperature")
    assert (found.value, found.provider, found.overridden) == (0.2, "Tenant", (("Fixed", 1),))
    assert coordinator.explain("model").provider is None
    assert load.origin["extra"] == "config_override"
    with pytest.raises(ConfigError, match=r"Did you mean 'model.seed'"):
        coordinator.explain("model.seeds")
    with pytest.raises(ConfigError, match="Did you mean 'model'"):
        coordinator.explain("modle")


def test_explain_without_a_key_is_a_table() -> None:
    coordinator = ConfigCoordinator([Tenant(), Fixed(1, {"model": {"temperature": 1, "api_key": "canary"}})])
    empty = coordinator.explain()
    asyncio.run(coordinator.load("s", {"extra": object()}))
    frame = coordinator.explain()
    assert frame.loc[2].tolist() == ["model.temperature", "0.2", "Tenant", "Fixed: 1"]
    assert frame["key"].tolist() == ["extra", "model.api_key", "model.temperature", "session"]
    assert frame["value"].tolist()[:2] == ["<object>", "***"]
    assert set(map(str, frame.dtypes)) == {"string"}
    assert empty.empty
    assert empty.dtypes.equals(frame.dtypes)


def test_sessions_are_kept_apart() -> None:
    coordinator = ConfigCoordinator([Tenant()])
    asyncio.run(coordinator.load("one"))
    asyncio.run(coordinator.load("two"))
    assert coordinator.get_config()["session"] == "two"
    assert coordinator.get_config("one")["session"] == "one"
    assert coordinator.explain("session", "one").value == "one"


class Late(Fixed):
    """Answers after so many turns of the event loop with what it will change as soon as it has answered."""

    def __init__(self, rank: int, config: Any, turns: int) -> None:
        super().__init__(rank, config)
        self.turns = turns

    async def get_config(self, session_id: str) -> dict[str, Any]:
        for _ in range(self.turns):
            await asyncio.sleep(0)
        answer = copy.deepcopy(self.config)
        asyncio.get_running_loop().call_soon(wreck, answer)
        return answer


def wreck(value: Any) -> None:
    for inner in list(value.values()) if isinstance(value, dict) else []:
        wreck(inner)
    if isinstance(value, dict | list):
        value.clear()


@given(st.lists(st.tuples(configs, st.integers(0, 6)), min_size=1, max_size=4), configs)
def test_delays_and_vandals_change_nothing(layers: list[tuple[Any, int]], override: Any) -> None:
    expected = deep_merge([*(layer for layer, _ in layers), override])

    async def story() -> None:
        coordinator = ConfigCoordinator([Late(rank, *layer) for rank, layer in enumerate(layers)], ttl_s=60)
        given = copy.deepcopy(override)
        first, second = await asyncio.gather(coordinator.load("s", given), coordinator.load("s", given))
        wreck(given)
        assert first.config == second.config == expected
        for load in (first, coordinator.last_load):
            assert load
            wreck(load.config)
            wreck(dict(load.layers))
        wreck(coordinator.get_config())
        assert coordinator.get_config() == expected
        assert await coordinator.load_config("s", override) == expected  # from what is kept

    asyncio.run(story())


@given(st.lists(configs, min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_the_order_of_registration_is_nothing_and_nobody_is_changed(layers: list[Any], shuffle: Any) -> None:
    before = copy.deepcopy(layers)
    providers = [Fixed(rank, layer) for rank, layer in enumerate(layers)]
    shuffle.shuffle(providers)
    coordinator = ConfigCoordinator(providers)
    load = asyncio.run(coordinator.load("s"))
    assert load.config == deep_merge(before)
    assert layers == before
    for key in load.origin:
        assert coordinator.explain(key).provider == load.origin[key]


@given(configs)
def test_a_copy_shares_no_container(config: Any) -> None:
    mutable = copied(config)
    assert deep_merge([config, config]) == config == mutable
    before = copy.deepcopy(config)
    for value in [mutable, *mutable.values()]:
        value.clear() if isinstance(value, dict | list) else None
    assert config == before
