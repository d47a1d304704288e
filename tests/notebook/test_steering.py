"""`vn.conversation`, and the verbs that show and steer a conversation."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from support.cells import error_of, run_ok, value_of
from support.kernels import Kernel
from support.llm_server import LLMServer

from victor_nb.context.compaction import WindowSource, limits_of
from victor_nb.notebook.conversations.state import ConversationState

Shared = tuple[Kernel, LLMServer]
COLUMNS = ["number", "turn", "role", "text", "tokens", "sent", "pinned", "message_id"]


@pytest.fixture
def kernel(shared: Shared, request: pytest.FixtureRequest) -> Kernel:
    """In a conversation of eight turns, with a tool call in the second and something said only in the third."""
    kernel, server = shared
    run_ok(kernel, f"%victor session '{request.node.name}'\ndef price() -> float:\n    return 6.0")
    for number in range(8):
        if number == 1:
            server.reply(tool_calls=[("price", {})])
        server.reply(f"Answer {number}. " + "It is 3.5 and not 4 in every sample that was drawn. " * 30)
        text = "Never round." if number == 2 else f"Question {number}"
        run_ok(kernel, f"%%victor {'--tools price' if number == 1 else ''}\n{text}")
    return kernel


def frame(kernel: Kernel, line: str) -> list[dict[str, Any]]:
    """The rows of the DataFrame that a verb gives."""
    run_ok(kernel, f"found = {line}")
    return json.loads(run_ok(kernel, "print(found.to_json(orient='records'))").stdout)


def test_compact_shows_and_undo_takes_back(kernel: Kernel) -> None:
    before = value_of(kernel, "vn.orchestrator.context_coordinator.get_context().messages")
    planned = run_ok(kernel, "changes = %victor preview").stdout
    assert "%victor compact would bring it from about" in planned
    assert value_of(kernel, "set(changes['change'])") in ("{'removed', 'added'}", "{'added', 'removed'}")
    assert "Made smaller, from about" in run_ok(kernel, "%victor compact").stdout
    assert [row["sent"] for row in frame(kernel, "vn.conversation.to_dataframe()")].count("no") > 3
    assert [(row["outcome"], row["undone"]) for row in frame(kernel, "%victor records")] == [("completed", None)]
    assert run_ok(kernel, "%victor undo").stdout.startswith("Undone: ")
    assert value_of(kernel, "vn.orchestrator.context_coordinator.get_context().messages") == before
    assert [(row["outcome"], row["undone"]) for row in frame(kernel, "%victor records")] == [("completed", "undo")]
    assert run_ok(kernel, "%victor undo").stdout == "There is no compaction to undo.\n"


def test_the_state_as_text_and_as_a_table(kernel: Kernel) -> None:
    run_ok(kernel, "%victor pin Never round")
    bundle = run_ok(kernel, "%victor context").displays[0]
    assert bundle == run_ok(kernel, "vn.conversation").displays[0]
    text, html = bundle["text/plain"], bundle["text/html"]
    assert text.startswith("Session test_the_state_as_text_and_as_a_table: 18 messages, about ")
    assert "of 32,768 tokens" in text
    assert "1 pinned · 0 compactions" in text
    assert [line.split()[:2] for line in text.splitlines()[4:7]] == [["user", "8"], ["assistant", "9"], ["tool", "1"]]
    assert "<td>assistant</td><td>9</td>" in html
    run_ok(kernel, "%victor session '<b>x</b>'")
    assert "<b>" not in run_ok(kernel, "%victor context").displays[0]["text/html"]
    assert "known with the first answer" in run_ok(kernel, "%victor context").displays[0]["text/plain"]


def test_the_state_says_where_the_window_is_from() -> None:
    told = {
        source: repr(ConversationState("s", 1, 1, 5, (), limits_of(9_000, 0.8, 0.4, 100, source)))
        for source in get_args(WindowSource)
    }
    assert "of 9,000 tokens (window: the provider takes no more)" in told["overflow"]
    assert len(set(told.values())) == 4


def test_messages_are_pointed_at_by_number_words_or_id(kernel: Kernel) -> None:
    (row,) = frame(kernel, "%victor search never ROUND")
    assert (row["number"], row["turn"], row["text"], row["sent"]) == (6, 3, "Never round.", "whole")
    assert "Pinned, so that it is always sent: user: Never round." in run_ok(kernel, "%victor pin 6").stdout
    assert "No longer pinned: user: Never round." in run_ok(kernel, "%victor unpin 'never round'").stdout
    assert "Question 7" in run_ok(kernel, "%victor pin -2").stdout
    assert "3.5 points at no message" in "".join(error_of(kernel, "vn.conversation.pin(3.5)").traceback)
    assert "True points at no message" in "".join(error_of(kernel, "vn.conversation.pin(True)").traceback)
    assert value_of(kernel, "vn.conversation.pin(vn.conversation.messages[0].id).pinned") == "True"
    assert [row["number"] for row in frame(kernel, "vn.conversation.to_dataframe()") if row["pinned"]] == [0, 16]


def test_what_was_pinned_is_sent_after_a_compaction(kernel: Kernel) -> None:
    run_ok(kernel, "%victor pin Never round\n%victor compact")
    rows = frame(kernel, "vn.conversation.to_dataframe()")
    assert rows[6]["sent"] == "whole"
    assert "no" in {row["sent"] for row in rows[1:6]}


def test_tables_have_the_same_columns_when_there_is_nothing(shared: Shared) -> None:
    kernel, _ = shared
    for expression in ("vn.conversation.to_dataframe()", "%victor search nothing_of_this_kind"):
        run_ok(kernel, "%victor session one")
        run_ok(kernel, f"%%victor\nHi\n{expression}")
        run_ok(kernel, f"full = vn.conversation.to_dataframe()\n%victor session empty\nempty = {expression}")
        assert (
            value_of(kernel, "(list(empty), len(empty), empty.dtypes.equals(full.dtypes))") == f"({COLUMNS}, 0, True)"
        )
    run_ok(kernel, "records = %victor records\nchanges = %victor preview\nparts = %victor prompt")
    assert value_of(kernel, "[len(found) for found in (records, changes, parts)]") == "[0, 0, 0]"


def test_they_work_in_a_cell_that_awaits(kernel: Kernel) -> None:
    run_ok(kernel, "import asyncio\nawait asyncio.sleep(0)\nrecord = vn.conversation.compact()\nawait asyncio.sleep(0)")
    assert value_of(kernel, "record.outcome") == "'completed'"


def test_prompt_and_config_say_where_things_come_from(kernel: Kernel) -> None:
    done = run_ok(kernel, "parts = %victor prompt")
    assert "about" in done.stdout
    assert (
        value_of(kernel, "(parts.contributor.tolist(), bool(parts.tokens.sum() > 50))")
        == "(['BaseSystemPrompt'], True)"
    )
    run_ok(
        kernel,
        "from victor_nb.config import FileConfigProvider\nimport pathlib\n"
        "pathlib.Path('team.toml').write_text('temperature = 0.5\\nteam = \"rain\"')\n"
        "team = vn.AgentOrchestrator(model=vn.orchestrator.settings.model,\n"
        "    settings=vn.Settings(max_tool_rounds=3),\n"
        "    config_coordinator=vn.ConfigCoordinator([FileConfigProvider('team.toml')]))\n"
        "from victor_nb.session import current\nown, current().orchestrator = current().orchestrator, team",
    )
    rows = {row["setting"]: row for row in frame(kernel, "%victor config")}
    assert (rows["max_tool_rounds"]["value"], rows["max_tool_rounds"]["source"]) == ("3", "argument")
    assert rows["temperature"]["overridden"] == "default: null"
    assert rows["team"]["source"] == rows["temperature"]["source"] == "FileConfigProvider"
    shown = run_ok(kernel, "%victor config temperature").stdout
    assert shown == "temperature = 0.5 (from FileConfigProvider, over default: null)\n"
    run_ok(kernel, "team.close(); current().orchestrator = own")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("pin", "takes a message"),
        ("pin 99", "no message 99"),
        ("pin ²", "no message holds"),
        ("pin --5", "no message holds"),
        ("transcript 0", "no number of turns"),
        ("transcript -3", "no number of turns"),
        (f"transcript {'9' * 30}", "no number of turns"),
        ("session fork bad-words new --at ²", "is no turn"),
        ("session export bad-words ~nosuchuser/x", "no home of a user '~nosuchuser'"),
        ("pin such words nowhere", "no message holds"),
        ("pin nevre", "Did you mean"),
        ("unpin Hi", "messages hold 'Hi': 0, 2"),
        ("search", "looks for text"),
        ("compact all", "nothing more"),
        ("undo 1", "nothing more"),
        ("preview 1", "nothing more"),
        ("records 1", "nothing more"),
        ("context 1", "not one of --last"),
        ("tools x", "nothing more"),
        ("prompt x", "nothing more"),
        ("config temprature", "Did you mean 'temperature'?"),
        ("config temperature x", "nothing more"),
        ("compct", "Did you mean 'compact'?"),
        ("help compct", "Did you mean 'compact'?"),
        ("help compact now", "nothing more"),
        ("tags clear x=1", "clear takes nothing more"),
    ],
)
def test_bad_words_are_one_clear_error(shared: Shared, line: str, says: str) -> None:
    kernel, _ = shared
    if "0 messages" in run_ok(kernel, "%victor session bad-words").stdout:
        for text in ("Hi", "Hi again", "Never say never"):
            run_ok(kernel, f"%%victor\n{text}")
    error = error_of(kernel, f"%victor {line}")
    assert error.ename == "UsageError"
    assert says in "".join(error.traceback)
