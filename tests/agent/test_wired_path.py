"""Each coordinator is really on the path of `chat()`, in both spellings, and any one can be swapped."""

from __future__ import annotations

import pytest

from victor_nb.agent.coordinators import AnalyticsCoordinator, ConfigCoordinator, ContextCoordinator, PromptCoordinator
from victor_nb.agent.coordinators.context_coordinator import BaseCompactionStrategy
from victor_nb.agent.coordinators.prompt_coordinator import BasePromptContributor
from victor_nb.agent.orchestrator import AgentOrchestrator
from victor_nb.config.settings import Settings
from victor_nb.errors import ConfigError, PromptError
from victor_nb.protocols import Context, PromptContext
from victor_nb.testing import ScriptedModel

SPELLINGS = pytest.mark.parametrize("prefix", ["", "_"])


class Tenant:
    def __init__(self, config):
        self.config = config

    def priority(self) -> int:
        return 100

    async def get_config(self, session_id: str) -> dict:
        return {**self.config, "session_seen": session_id}


class Style(BasePromptContributor):
    def __init__(self, style):
        self.style = style

    def priority(self) -> int:
        return 60

    async def get_contribution(self, context: PromptContext) -> str:
        return f"## Style\n{self.style}, in {context.get('language', 'any')} language"


class KeepTwo(BaseCompactionStrategy):
    async def compact(self, context: Context) -> Context:
        return Context(messages=context.messages[-2:])


@SPELLINGS
async def test_config(prefix):
    config = ConfigCoordinator(providers=[Tenant({"temperature": 0.3, "seed": 7, "max_tool_rounds": 2})])
    model = ScriptedModel("ok")
    orchestrator = AgentOrchestrator(model=model, **{f"{prefix}config_coordinator": config})
    await orchestrator.chat("hi")
    assert model.requests[0].settings == {"temperature": 0.3, "seed": 7}
    assert config.get_config()["session_seen"] == orchestrator.session_id


@SPELLINGS
async def test_prompt(prefix):
    prompt = PromptCoordinator(contributors=[Style("terse")])
    config = ConfigCoordinator(providers=[Tenant({"language": "French"})])
    model = ScriptedModel("ok")
    orchestrator = AgentOrchestrator(model=model, config_coordinator=config, **{f"{prefix}prompt_coordinator": prompt})
    await orchestrator.chat("hi")
    assert "terse, in French language" in model.requests[0].messages[0].content


@SPELLINGS
async def test_context(prefix):
    context = ContextCoordinator(compaction_strategy=KeepTwo())
    settings = Settings(context_compaction_threshold=200, context_compaction_target=150, context_window=4000)
    model = ScriptedModel(*["answer " * 20] * 8)
    orchestrator = AgentOrchestrator(settings=settings, model=model, **{f"{prefix}context_coordinator": context})
    for n in range(8):
        await orchestrator.chat(f"question {n}")
    assert any(record.outcome == "completed" for record in context.records(orchestrator.session_id))
    assert len(model.requests[-1].messages) < 17
    turns = await orchestrator.analytics_coordinator.query_analytics(types=["compaction"])
    assert turns[0].data["strategy"] == "KeepTwo"


@SPELLINGS
async def test_analytics(prefix):
    analytics = AnalyticsCoordinator()
    orchestrator = AgentOrchestrator(model=ScriptedModel("ok"), **{f"{prefix}analytics_coordinator": analytics})
    await orchestrator.chat("hi")
    recorded = await analytics.get_session_analytics(orchestrator.session_id)
    assert recorded.events[-1].type == "turn_completed"


@pytest.mark.parametrize("name", ["config", "prompt", "context", "analytics"])
def test_both_spellings_at_once_are_refused(name):
    made = {"config": ConfigCoordinator, "prompt": PromptCoordinator, "context": ContextCoordinator}
    coordinator = made.get(name, AnalyticsCoordinator)()
    with pytest.raises(TypeError, match="not both"):
        AgentOrchestrator(model="demo", **{f"{name}_coordinator": coordinator, f"_{name}_coordinator": coordinator})


def test_an_unknown_argument_is_refused_with_the_nearest_name():
    with pytest.raises(TypeError, match="Did you mean '_config_coordinator'"):
        AgentOrchestrator(model="demo", _config_cordinator=ConfigCoordinator())


async def test_a_coordinator_of_the_users_own_class_is_asked():
    class Fixed(PromptCoordinator):
        async def build_system_prompt(self, context):
            return "only this"

    class Cold(ConfigCoordinator):
        async def load_config(self, session_id, config_override=None):
            return {"temperature": 0.0}

    model = ScriptedModel("ok")
    orchestrator = AgentOrchestrator(model=model, prompt_coordinator=Fixed(), config_coordinator=Cold())
    await orchestrator.chat("hi")
    assert model.requests[0].messages[0].content == "only this"
    assert model.requests[0].settings == {"temperature": 0.0}


async def test_a_config_value_that_cannot_be_used_fails_the_turn_in_one_line():
    config = ConfigCoordinator(providers=[Tenant({"max_tool_rounds": "many"})])
    with pytest.raises(ConfigError, match="max_tool_rounds"):
        await AgentOrchestrator(model=ScriptedModel("ok"), config_coordinator=config).chat("hi")


async def test_a_required_contributor_that_fails_stops_the_turn():
    class Compliance(BasePromptContributor):
        required = True

        def get_contribution(self, context):
            raise RuntimeError("policy server is down")

    model = ScriptedModel("ok")
    with pytest.raises(PromptError, match="Compliance"):
        await AgentOrchestrator(model=model, prompt_coordinator=PromptCoordinator([Compliance()])).chat("hi")
    assert model.requests == []


async def test_analytics_can_be_switched_off():
    orchestrator = AgentOrchestrator(Settings(enable_analytics=False), model=ScriptedModel("ok"))
    assert (await orchestrator.chat("hi")).content == "ok"
    assert await orchestrator.analytics_coordinator.query_analytics() == []


async def test_content_is_not_kept_when_capture_is_off():
    orchestrator = AgentOrchestrator(Settings(capture_content="off"), model=ScriptedModel("secret answer"))
    await orchestrator.chat("secret question")
    assert "secret" not in str(await orchestrator.analytics_coordinator.query_analytics())
