"""Pictures that go with a question: sent by every wire, counted, kept, and told in words to models that take none."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Pillow
from support.llm_server import LLMServer

from victor_nb.agent.orchestrator import AgentOrchestrator
from victor_nb.config.settings import Settings
from victor_nb.context.tokens import estimate_message
from victor_nb.errors import UsageError
from victor_nb.messages import Image
from victor_nb.models import build_model
from victor_nb.models.estimates import estimate_message as estimate_for_usage
from victor_nb.testing import ScriptedModel


def png(width: int = 4, height: int = 3) -> bytes:
    buffer = io.BytesIO()
    Pillow.new("RGB", (width, height)).save(buffer, format="PNG")
    return buffer.getvalue()


async def asked(server: LLMServer, model: str, image: object) -> Any:
    """The question as the server received it."""
    url = server.url if model.startswith("anthropic") else server.openai_url
    orchestrator = AgentOrchestrator(model=build_model(model, base_url=url, api_key="k"))
    await orchestrator.chat("What is this?", images=[image])
    return server.requests[-1].body["messages"][-1]


async def test_openai_is_sent_the_picture(llm_server: LLMServer) -> None:
    question = await asked(llm_server, "openai-chat:gpt-5-mini", png())
    text, image = question["content"]
    assert (question["role"], text["text"]) == ("user", "What is this?")
    assert image["image_url"]["url"] == f"data:image/png;base64,{base64.b64encode(png()).decode()}"


async def test_anthropic_is_sent_the_picture(llm_server: LLMServer) -> None:
    text, image = (await asked(llm_server, "anthropic:claude-sonnet-5-5", png()))["content"]
    assert text["text"] == "What is this?"
    assert (image["source"]["media_type"], image["source"]["data"]) == ("image/png", base64.b64encode(png()).decode())


async def test_a_model_that_takes_none_is_told_what_it_shows(llm_server: LLMServer) -> None:
    image = Image(png(), "image/png", "A black rectangle.")
    question = await asked(llm_server, "openai-chat:llama3.1", image)
    assert question["content"] == ("What is this?\n[an image left out here: this model takes none]\nA black rectangle.")


async def test_pictures_are_counted_and_sent_again_with_the_next_question() -> None:
    model = ScriptedModel("Black.", "Yes.")
    orchestrator = AgentOrchestrator(model=model)
    await orchestrator.chat("What is this?", images=[png(600, 600)])
    await orchestrator.chat("Really?")
    question = model.requests[-1].messages[1]
    assert question.images[0].data == png(600, 600)
    for estimate in (estimate_message, estimate_for_usage):
        assert 480 < estimate(question) < 520


async def test_another_kernel_reads_the_pictures_of_a_session(tmp_path: Path) -> None:
    image = Image(png(), "image/png", "A black rectangle.")
    first = AgentOrchestrator(Settings(home=tmp_path), model=ScriptedModel("Black."), session_id="s")
    await first.chat("What is this?", images=[image])
    first.close()
    again = AgentOrchestrator(Settings(home=tmp_path), model=ScriptedModel("Yes."), session_id="s")
    await again.chat("Really?")
    assert again.context_coordinator.conversation("s").log[0].images == (image,)


@pytest.mark.parametrize(
    ("images", "told"),
    [
        ([{"a": 1}], "image 1 is of type dict, which is no picture."),
        ([png(), b"\x89PNG\r\n\x1a\n broken"], "image 2 cannot be sent: Image of 15 bytes, which cannot be read"),
        (png(), "images takes a list of pictures, not bytes."),
        ([png()] * 9, "a question takes at most 8 images, not 9."),
    ],
)
async def test_what_cannot_be_sent_is_refused_before_anything_is(images: Any, told: str) -> None:
    model = ScriptedModel("Never.")
    orchestrator = AgentOrchestrator(model=model)
    with pytest.raises(UsageError) as caught:
        await orchestrator.chat("What is this?", images=images)
    assert caught.value.message.startswith(told)
    assert (model.requests, orchestrator.context_coordinator.conversation().log) == ([], ())


async def test_old_pictures_are_let_go_when_the_window_is_full() -> None:
    model = ScriptedModel(*["Black."] * 12)
    orchestrator = AgentOrchestrator(Settings(context_window=12_000, reserved_output_tokens=1_000), model=model)
    for number in range(12):
        await orchestrator.chat(f"What is number {number}?", images=[png(1_200, 1_000)])
    sent = [sum(len(message.images) for message in request.messages) for request in model.requests]
    assert sent[:3] == [1, 2, 3]
    assert max(sent) < 8
    assert model.requests[-1].messages[-1].images
