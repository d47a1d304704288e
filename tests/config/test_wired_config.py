"""Through `AgentOrchestrator.chat`: what providers and contributors say reaches the model, and is on record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from victor_nb import Settings
from victor_nb.agent.coordinators import ConfigCoordinator, PromptCoordinator
from victor_nb.agent.orchestrator import AgentOrchestrator
from victor_nb.agent.plan import OF_A_TURN
from victor_nb.config import ABTestConfigProvider, DatabaseConfigProvider, Experiment
from victor_nb.config.database_targets import database_of
from victor_nb.errors import ConfigError, PromptError
from victor_nb.frames import Analytics
from victor_nb.prompt import CompliancePromptContributor, LanguagePromptContributor
from victor_nb.testing import ScriptedModel


def system_prompt(model: ScriptedModel) -> str:
    return model.requests[-1].messages[0].content


async def test_a_row_of_a_database_reaches_the_request(tmp_path: Path) -> None:
    path = tmp_path / "config.db"
    provider = DatabaseConfigProvider(path, tenant=lambda session: session.split("-")[0])
    await provider.create_table()
    await database_of(path).run("INSERT INTO victor_config VALUES ('', 'lab', '', 'temperature', '0.25')")
    await database_of(path).run("INSERT INTO victor_config VALUES ('', '', '', 'system_prompt', '\"Be kind.\"')")
    model = ScriptedModel("Hello!", "Hello!")
    orchestrator = AgentOrchestrator(model=model, config_coordinator=ConfigCoordinator([provider]))
    await orchestrator.chat("Hi", session_id="lab-1")
    assert model.requests[0].settings == {"temperature": 0.25}
    assert system_prompt(model) == "Be kind."
    await orchestrator.chat("Hi", session_id="other-1")
    assert model.requests[1].settings == {}
    orchestrator.close()


async def test_a_variant_reaches_the_request_and_the_turns() -> None:
    arms = {"cool": {"temperature": 0.1}, "warm": {"temperature": 0.9}}
    sessions = [f"s{number}" for number in range(6)]
    model = ScriptedModel(*["Hello!"] * len(sessions))
    config = ConfigCoordinator([ABTestConfigProvider(Experiment("heat", arms))])
    orchestrator = AgentOrchestrator(model=model, config_coordinator=config)
    for session in sessions:
        await orchestrator.chat("Hi", session_id=session)
    store = orchestrator.analytics_coordinator.store
    store.flush()
    turns = Analytics(lambda: store).turns(expand_tags=True)
    dealt = [config.assignments(session)["heat"] for session in sessions]
    assert turns["tag_heat"].tolist() == dealt
    assert [request.settings["temperature"] for request in model.requests] == [
        arms[arm]["temperature"] for arm in dealt
    ]
    assert set(dealt) == {"cool", "warm"}
    orchestrator.close()


async def test_a_value_that_cannot_be_stops_the_turn_under_its_providers_name() -> None:
    class Team:
        async def get_config(self, session_id: str) -> dict[str, Any]:
            return {"top_p": 7} if session_id == "bad value" else {"temprature": 0.1}

    model = ScriptedModel()
    orchestrator = AgentOrchestrator(model=model, config_coordinator=ConfigCoordinator([Team()]))
    with pytest.raises(ConfigError, match=r"top_p \(from Team\) is 7; it must be a number above 0 up to 1"):
        await orchestrator.chat("Hi", session_id="bad value")
    with pytest.raises(ConfigError, match=r"'temprature' \(from Team\)\. Did you mean 'temperature'"):
        await orchestrator.chat("Hi", session_id="bad key")
    assert model.requests == []
    orchestrator.close()


async def test_a_setting_that_comes_too_late_is_warned_of_once() -> None:
    class Team:
        async def get_config(self, session_id: str) -> dict[str, Any]:
            return {"compaction_strategy": "recent", "store": "elsewhere.db", "embedder": "openai:x", "mine": 1}

    orchestrator = AgentOrchestrator(
        model=ScriptedModel("Hello!", "Hello!"), config_coordinator=ConfigCoordinator([Team()])
    )
    with pytest.warns(UserWarning, match="has no effect") as warned:
        await orchestrator.chat("Hi")
    first, second = [str(warning.message) for warning in warned]
    assert first.startswith("compaction_strategy (from Team) has no effect there: it is read when the orchestrator is")
    assert "Settings(compaction_strategy=…)" in first
    assert "VICTOR_STORE" in second
    await orchestrator.chat("Hi", session_id="another")
    orchestrator.close()


def test_every_setting_is_a_turns_or_is_warned_of() -> None:
    kernel = {
        "base_url",
        "home",
        "store",
        "enable_analytics",
        "capture_content",
        "redact_patterns",
        "keep_sessions",
        "budget_usd",
        "verbosity",
    }
    kernel |= {"compaction_strategy", "tool_timeout_s", *(f"prompt_{key}" for key in Settings().prompt_options())}
    assert kernel | OF_A_TURN == set(Settings.model_fields)
    assert not kernel & OF_A_TURN


async def test_contributors_reach_the_system_prompt_and_can_stop_the_turn(tmp_path: Path) -> None:
    rules = tmp_path / "rules.md"
    rules.write_text("Never name a patient.")
    prompt = PromptCoordinator([LanguagePromptContributor("fr"), CompliancePromptContributor(rules)])
    model = ScriptedModel("Bonjour!")
    orchestrator = AgentOrchestrator(model=model, prompt_coordinator=prompt)
    await orchestrator.chat("Hi")
    assert "Never name a patient.\n\nAnswer in French" in system_prompt(model)
    assert prompt.explain(orchestrator.session_id)["status"].tolist() == ["ok"] * 3
    rules.unlink()
    with pytest.raises(PromptError, match="It is required, so nothing was sent"):
        await orchestrator.chat("Hi again")
    assert len(model.requests) == 1
    orchestrator.close()


async def test_settings_choose_the_sections(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "AGENTS.md").write_text("Data are in /data.")
    monkeypatch.setenv("VICTOR_PROMPT_LANGUAGE", "nl")
    settings = Settings(prompt_project=True, prompt_code_style="black", prompt_compliance="No names.")
    model = ScriptedModel("Hallo!")
    orchestrator = AgentOrchestrator(settings, model=model)
    await orchestrator.chat("Hi")
    found = [
        system_prompt(model).find(text) for text in ("No names.", "as Black does", "in Dutch", "Data are in /data.")
    ]
    assert found == sorted(found)
    assert min(found) > 0
    orchestrator.close()
    with pytest.raises(ConfigError, match=r"Setting prompt_code_style is 'blcak'.*Did you mean 'black'"):
        AgentOrchestrator(Settings(prompt_code_style="blcak"), model=model)
