"""What people write and models answer is stored, and so exported, as the capture policy says."""

from __future__ import annotations

import pytest
from support.destinations import Kept

from victor_nb.agent.coordinators import AnalyticsCoordinator
from victor_nb.agent.orchestrator import AgentOrchestrator
from victor_nb.config.settings import Settings
from victor_nb.protocols import EventQuery
from victor_nb.store import SQLiteStore
from victor_nb.testing import ScriptedModel

QUESTION = "Is patient P-1234 (anna@example.org) better?"


class WithContent(Kept):
    include_content = True


@pytest.mark.parametrize(
    ("policy", "prompts"),
    [("on", [QUESTION]), ("redacted", ["Is patient [redacted] ([redacted]) better?"]), ("off", [])],
)
async def test_content_is_kept_as_the_setting_says(policy, prompts):
    settings, kept = Settings(capture_content=policy, redact_patterns=[r"P-\d+"]), WithContent()
    analytics = AnalyticsCoordinator([kept])
    orchestrator = AgentOrchestrator(settings, model=ScriptedModel("Yes."), analytics_coordinator=analytics)
    await orchestrator.chat(QUESTION)
    await analytics.export_analytics()
    exported = [event.data for batch in kept.batches for event in batch]
    stored = [event.content or "" for event in analytics.store.read(EventQuery())]
    assert [data["prompt"] for data in exported if "prompt" in data] == prompts
    assert [data["prompt_chars"] for data in exported if "prompt_chars" in data and "tags" in data] == [len(QUESTION)]
    assert ("P-1234" in "".join(stored)) == (policy == "on")
    orchestrator.close()


async def test_the_strictest_of_all_orchestrators_is_followed():
    analytics, store = AnalyticsCoordinator(), SQLiteStore()
    analytics.attach(store, session_id="s", capture="redacted", redact_patterns=["blue"])
    analytics.attach(store, session_id="s", capture="on", redact_patterns=["green"])
    analytics.record("prompt_built", "s", {}, {"prompt": "red, green, blue"})
    analytics.attach(store, session_id="s", capture="off")
    analytics.record("prompt_built", "s", {}, {"prompt": "red, green, blue"})
    contents = [event.data.get("prompt") for event in await analytics.query_analytics(types=["prompt_built"])]
    assert contents == ["red, [redacted], [redacted]", None]
    analytics.close()
