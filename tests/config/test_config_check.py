"""Is a configuration usable? Names and values are checked, and the provider is named that they came from."""

from __future__ import annotations

from typing import Any

import pytest

from victor_nb.agent.config_check import check_config
from victor_nb.agent.coordinators import ConfigCoordinator
from victor_nb.config.settings import Settings
from victor_nb.errors import ConfigError
from victor_nb.messages import MODEL_SETTINGS


class Team:
    def __init__(self, **config: Any) -> None:
        self.config = config

    async def get_config(self, session_id: str) -> dict[str, Any]:
        return self.config


async def test_the_provider_is_named() -> None:
    coordinator = ConfigCoordinator([Team(temperature=0.2), Team(max_tokens=0)])
    await coordinator.load("s")
    with pytest.raises(ConfigError, match=r"max_tokens \(from Team #2\) is 0; it must be a whole number from 1"):
        coordinator.validate_config()
    with pytest.raises(ConfigError, match=r"temperature \(from the caller\) is -1"):
        coordinator.validate_config({"temperature": -1, "max_tokens": 5})


def test_good_values_come_back_as_they_are_taken() -> None:
    config = {"temperature": "0.5", "max_tokens": 7, "seed": 3, "stop_sequences": ["END"], "team": {"modle": 1}}
    assert ConfigCoordinator().validate_config(config) == {**config, "temperature": 0.5}
    assert check_config({"temperature": None, "thinking": "high", "service_tier": None}) == {
        "temperature": None,
        "thinking": "high",
        "service_tier": None,
    }


@pytest.mark.parametrize(
    "key", ["team", "tone", "style", "persona", "user", "variant", "language", "budget", "mode", "speed", "x"]
)
def test_a_key_of_ones_own_is_free(key: str) -> None:
    assert check_config({key: object}) == {key: object}


@pytest.mark.parametrize(
    ("key", "meant"),
    [("temprature", "temperature"), ("max_token", "max_tokens"), ("modle", "model"), ("Temperature", "temperature"),
     ("stop_sequence", "stop_sequences"), ("systems_prompt", "system_prompt"), ("context_windows", "context_window")],
)  # fmt: skip
def test_a_slip_is_refused_with_the_nearest_name(key: str, meant: str) -> None:
    with pytest.raises(ConfigError, match=rf"'{key}' \(from the caller\)\. Did you mean '{meant}'"):
        check_config({key: 1})


@pytest.mark.parametrize(
    ("config", "match"),
    [
        ({"top_p": 2}, r"top_p .* is 2; it must be a number above 0 up to 1"),
        ({"model": 5}, r"model .* is 5; it must be text"),
        ({"thinking": "higher"}, r"thinking .*'higher'; it must be True, False or one of minimal"),
        ({"seed": "x"}, "seed .* must be a whole number"),
        ({"presence_penalty": 3}, "presence_penalty .* is 3.*from -2 .*to 2"),
        ({"stop_sequences": "END"}, "stop_sequences .* must be a list"),
        ({"compaction_strategy": "digests"}, "'digest', 'recent'.*Did you mean 'digest'"),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_what_can(config: dict[str, Any], match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        check_config(config)


def test_every_setting_of_models_and_ours_is_known() -> None:
    for name in MODEL_SETTINGS:
        with pytest.raises(ConfigError, match=name):
            check_config({name: object()})
    for name in Settings.model_fields:
        with pytest.raises(ConfigError, match=name):
            check_config({name: object()})
