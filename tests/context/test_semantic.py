"""Steps that are near to what is being talked about stay word for word; the rest is digested."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from support.long_talks import assert_sound, budget, compacted, talk, text_of

from victor_nb.agent.coordinators import ContextCoordinator
from victor_nb.agent.orchestrator import AgentOrchestrator
from victor_nb.config.settings import Settings
from victor_nb.context import SemanticCompactionStrategy
from victor_nb.context.tokens import estimate_messages
from victor_nb.errors import ConfigError, ModelError
from victor_nb.testing import ScriptedModel

TOPICS = (
    "violins are tuned in fifths",
    "the compiler inlines small functions",
    "tomatoes need warm soil",
    "the harbour freezes in winter",
    "sails are cut from canvas",
    "printers jam on humid days",
)


async def test_the_step_that_the_question_is_about_stays() -> None:
    source = talk(*TOPICS, last="Which soil do tomatoes need, and how warm?")
    found = await compacted(SemanticCompactionStrategy(share=0.3), source, budget(1000))
    answer = next(m for m in source if "mark_2_answer" in m.content)
    other = next(m for m in source if "mark_1_answer" in m.content)
    assert answer in found.messages
    assert other not in found.messages
    assert estimate_messages(found.messages) <= 1000
    assert_sound(found.messages, source)


async def test_it_is_the_same_every_time() -> None:
    source = talk(*TOPICS, last="How warm is the soil of tomatoes?")
    strategy = SemanticCompactionStrategy()
    once, again = [await compacted(strategy, source, budget(1000)) for _ in range(2)]
    assert once == again
    assert (await compacted(strategy, once.messages, budget(1000))).messages == once.messages


async def test_an_embedder_of_the_user_knows_meaning() -> None:
    """One that thinks of vegetables and gardening as one thing, where no word is shared."""

    async def meaning(texts: Sequence[str], embedder: Any) -> list[list[float]]:
        assert embedder == "mine:model"
        return [[float("tomato" in text or "vegetable" in text), 0.1] for text in texts]

    source = talk(*TOPICS, last="Tell me of vegetables.")
    found = await compacted(SemanticCompactionStrategy("mine:model", share=0.3), source, budget(1000, embedder=meaning))
    assert next(m for m in source if "mark_2_answer" in m.content) in found.messages


async def test_an_embedder_that_fails_leaves_a_digest_and_a_note() -> None:
    async def broken(texts: Sequence[str], embedder: Any) -> list[list[float]]:
        raise ModelError("no vectors today")

    source = talk("the port of server_7 is 8123", *TOPICS)
    found = await compacted(SemanticCompactionStrategy(), source, budget(embedder=broken))
    assert found.note == "no vectors: no vectors today"
    assert "8123" in text_of(found.messages)
    assert estimate_messages(found.messages) <= 600


async def test_through_an_orchestrator_without_any_network() -> None:
    model = ScriptedModel(*[f"{topic}. " * 40 for topic in TOPICS], "Warm, they do.")
    context = ContextCoordinator(SemanticCompactionStrategy(share=0.4))
    limits = Settings(context_compaction_threshold=100_000, context_compaction_target=1_000)
    orchestrator = AgentOrchestrator(settings=limits, model=model, context_coordinator=context)
    for topic in TOPICS:
        await orchestrator.chat(f"What about this: {topic}?")
    await orchestrator.chat("Do tomatoes need warm soil?")
    found = await context.compact_context()
    assert "tomatoes need warm soil. tomatoes" in text_of(found.messages)
    record = context.records()[-1]
    assert (record.strategy, record.outcome, record.repaired) == ("SemanticCompactionStrategy", "completed", False)
    assert "no vectors" not in record.note


@pytest.mark.parametrize("share", [-1, 1.5, float("inf"), "half", None])
def test_a_wrong_share_is_refused(share: Any) -> None:
    with pytest.raises(ConfigError, match="share is"):
        SemanticCompactionStrategy(share=share)
