"""An answer's wire form survives being kept as JSON, so that a resumed conversation sends the same bytes."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

from support.llm_server import LLMServer

from victor_nb.messages import Message, ModelRequest
from victor_nb.models import build_model
from victor_nb.models.wire_messages import wire_from_json, wire_to_json

ASKED = (Message("system", "s"), Message("user", "u"))


async def answer(server: LLMServer) -> Message:
    server.reply("Let me see.", tool_calls=[("look_up", {"a": 1}, "c1")])
    model = build_model("openai-responses:gpt-5-mini", base_url=server.openai_url, api_key="k")
    return (await model.request(ModelRequest(ASKED))).message


async def sent(server: LLMServer, message: Message) -> object:
    model = build_model("openai-responses:gpt-5-mini", base_url=server.openai_url, api_key="k")
    result = Message("tool", "r", tool_call_id="c1", tool_name="look_up")
    await model.request(ModelRequest((*ASKED, message, result)))
    return server.requests[-1].body


async def test_a_kept_answer_is_sent_as_it_was(llm_server: LLMServer) -> None:
    message = await answer(llm_server)
    kept = wire_from_json(json.loads(json.dumps(wire_to_json(message.wire))))
    assert await sent(llm_server, replace(message, wire=kept)) == await sent(llm_server, message)
    assert wire_to_json(kept) == wire_to_json(message.wire)


async def test_the_wire_form_is_what_is_sent_again(llm_server: LLMServer) -> None:
    """Without it the provider's own ids are gone."""
    message = await answer(llm_server)
    assert await sent(llm_server, replace(message, wire=None)) != await sent(llm_server, message)


async def test_what_cannot_be_read_is_sent_from_our_own_fields(llm_server: LLMServer) -> None:
    message = await answer(llm_server)
    plain = await sent(llm_server, replace(message, wire=None))
    for data in ({"kind": "response", "parts": [{"part_kind": "from-the-future"}]}, {}):
        assert await sent(llm_server, replace(message, wire=wire_from_json(data))) == plain
    for data in (None, [], "x", 1):
        assert wire_from_json(data) is None
    assert wire_to_json(object()) is None


def test_looking_at_an_old_conversation_does_not_load_the_library() -> None:
    code = (
        "import sys; from victor_nb.models.wire_messages import *; wire_to_json(wire_from_json({'kind': 'response'}));"
        "sys.exit('pydantic_ai' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
