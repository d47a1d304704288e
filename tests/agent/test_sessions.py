"""`orchestrator.sessions`: what is kept is listed, forked, renamed, deleted, written to files and read from them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from support.bare import Bare
from support.conversations import fresh, said, talker

from victor_nb import AgentOrchestrator
from victor_nb.agent.sessions.table import DTYPES
from victor_nb.context.steps import is_digest
from victor_nb.errors import SessionError, UsageError
from victor_nb.protocols import EventQuery
from victor_nb.store import SQLiteStore

HEADER = {"format": "victor_nb.session", "version": 1, "session_id": "thesis", "operations": 1}
TURN = {"kind": "turn", "turn_id": "t", "items": [{"message": {"id": "m", "role": "user", "content": "hi"}}]}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "victor.db"


@pytest.fixture
def store(path: Path) -> Iterator[SQLiteStore]:
    store = SQLiteStore(path, notebook="a.ipynb")
    yield store
    store.close()


@pytest.fixture
async def talked(store: SQLiteStore) -> AgentOrchestrator:
    """Three turns in the session `thesis`."""
    orchestrator = talker(store, "ah", "so", "well")
    for question in ("one\nand more", "two", "three"):
        await orchestrator.chat(question)
    return orchestrator


def elsewhere(path: Path) -> AgentOrchestrator:
    """Of another notebook."""
    return talker(fresh(path, "b.ipynb"), session="other")


async def test_the_list_tells_of_each_session_without_reading_it(talked: AgentOrchestrator, path: Path):
    await talked.chat("hello", session_id="second")
    frame = talked.sessions.list()
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == DTYPES
    newest, thesis = frame.to_dict("records")
    assert (newest["session_id"], newest["turns"], newest["messages"]) == ("second", 1, 2)
    assert (thesis["turns"], thesis["messages"], thesis["first_prompt"]) == (3, 6, "one and more")
    assert (thesis["notebook"], thesis["held_here"]) == ("a.ipynb", True)
    assert thesis["created_at"] < thesis["updated_at"] <= pd.Timestamp.now("UTC")
    other = elsewhere(path)
    nothing = other.sessions.list()
    assert {name: str(dtype) for name, dtype in nothing.dtypes.items()} == DTYPES
    assert (len(nothing), len(other.sessions.list(every_notebook=True))) == (0, 2)


async def test_a_fork_has_the_turns_up_to_one_and_goes_its_own_way(talked: AgentOrchestrator):
    turns = talked.context_coordinator.conversation("thesis").turn_ids
    for number, (name, turn) in enumerate([("a", 2), ("b", -2), ("c", turns[1])]):
        assert talked.sessions.fork("thesis", name, at_turn=turn) == name, number
        assert said(talked, name) == ["one\nand more", "ah", "two", "so"]
    assert talked.sessions.fork("thesis", "all") == "all"
    await talked.chat("four", session_id="all")
    assert (len(said(talked, "all")), len(said(talked, "thesis"))) == (8, 6)


async def test_a_session_of_another_notebook_is_forked_while_it_is_open_there(talked: AgentOrchestrator, path: Path):
    other = elsewhere(path)
    with pytest.raises(SessionError, match=r"no session 'thesis'"):
        other.sessions.fork("thesis", "mine")
    other.sessions.fork("thesis", "mine", at_turn=1, notebook="a.ipynb")
    await other.chat("and?", session_id="mine")
    assert said(other, "mine") == ["one\nand more", "ah", "and?", "yes"]
    assert other.sessions.list()["notebook"].tolist() == ["b.ipynb"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"session_id": "thesys"}, "no session 'thesys'.*Did you mean 'thesis'"),
        ({"at_turn": 4}, "at_turn=4 is no turn.*1 to 3"),
        ({"at_turn": 0}, "at_turn=0 is no turn"),
        ({"at_turn": True}, "at_turn=True is no turn"),
        ({"at_turn": "t"}, "at_turn='t' is no turn"),
        ({"new": "thesis"}, "'thesis' already.*thesis-2"),
        ({"new": " "}, "cannot be a session_id"),
        ({"notebook": "b.ipynb"}, "no session 'thesis' in b.ipynb"),
    ],
)
async def test_what_cannot_be_forked_is_told_in_one_error(talked: AgentOrchestrator, arguments: dict, message: str):
    with pytest.raises((SessionError, UsageError), match=message):
        talked.sessions.fork(**{"session_id": "thesis", "new": "fork", **arguments})
    assert talked.sessions.list()["session_id"].tolist() == ["thesis"]


async def test_a_renamed_session_goes_on_and_a_deleted_one_is_gone(talked: AgentOrchestrator, path: Path):
    talked.sessions.rename("thesis", "dissertation")
    await talked.chat("four", session_id="dissertation")
    talked.close()
    later = talker(fresh(path, "a.ipynb"))
    assert len(said(later, "dissertation")) == 8
    assert said(later, "thesis") == []
    assert later.sessions.delete("dissertation")
    assert not later.sessions.delete("dissertation")
    assert (said(later, "dissertation"), len(later.sessions.list())) == ([], 0)


@pytest.mark.parametrize("settings", [{}, {"keep_sessions": False}])
async def test_who_is_in_a_session_that_is_renamed_is_in_it_still(store: SQLiteStore, settings: dict):
    orchestrator = talker(store, **settings)
    await orchestrator.chat("one")
    orchestrator.sessions.rename("thesis", "dissertation")
    assert orchestrator.session_id == "dissertation"
    await orchestrator.chat("two")
    assert said(orchestrator) == ["one", "yes", "two", "yes"]
    data = [json.loads(event.data) for event in store.read(EventQuery()) if event.type == "turn_started"]
    assert [one["turn_index"] for one in data] == [1, 2]
    orchestrator.use_session("elsewhere")
    orchestrator.sessions.rename("dissertation", "thesis")
    assert orchestrator.session_id == "elsewhere"


async def test_a_session_is_not_renamed_to_one_that_is_there(talked: AgentOrchestrator):
    await talked.chat("hello", session_id="second")
    for old, new, message in (("thesis", "second", "'second' already"), ("nobody", "new", "no session 'nobody'")):
        with pytest.raises(SessionError, match=message):
            talked.sessions.rename(old, new)
    assert len(said(talked, "thesis")) == 6


async def test_an_exported_session_is_imported_as_it_was(talked: AgentOrchestrator, path: Path, tmp_path: Path):
    context = talked.context_coordinator
    await context.force_compact("thesis")
    context.pin(context.conversation("thesis").log[0])
    file = talked.sessions.export("thesis", tmp_path / "thesis.jsonl")
    header, *operations = [json.loads(line) for line in file.read_text().splitlines()]
    assert (header["format"], header["version"], header["session_id"]) == ("victor_nb.session", 1, "thesis")
    assert (header["notebook"], header["operations"], bool(header["victor_nb"])) == ("a.ipynb", len(operations), True)
    assert talked.sessions.import_file(file, "copy") == "copy"
    before, after = context.conversation("thesis"), context.conversation("copy")
    assert (after.view, after.log, after.records) == (before.view, before.log, before.records)
    assert elsewhere(path).sessions.import_file(file) == "thesis"
    with pytest.raises(SessionError, match=r"'thesis' already.*'thesis-2'"):
        talked.sessions.import_file(file)
    with pytest.raises(SessionError, match="there already"):
        talked.sessions.export("thesis", file)
    for nowhere in (file / "below.jsonl", tmp_path / "no" / "folder.jsonl", tmp_path / ("x" * 300)):
        with pytest.raises(SessionError, match="cannot be written"):
            talked.sessions.export("thesis", nowhere)


async def test_a_stored_session_is_not_written_over_by_who_has_not_opened_it(
    talked: AgentOrchestrator, path: Path, tmp_path: Path
):
    file = talked.sessions.export("thesis", tmp_path / "thesis.jsonl")
    later = talker(fresh(path, "a.ipynb"), session="later")
    for _ in range(2):  # while it is open elsewhere, and when it is not
        with pytest.raises(SessionError, match="'thesis' already"):
            later.sessions.import_file(file)
        talked.close()
    assert len(said(later, "thesis")) == 6


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "line 1 .*no JSON"),
        (["{}"], "line 1 .*header"),
        ([{**HEADER, "version": 2}], "has format 2, this victor_nb knows 1.*upgrade"),
        ([{**HEADER, "version": "1"}], "line 1 .*version is '1'"),
        ([{**HEADER, "created_at": "yesterday"}], "line 1 .*created_at"),
        ([HEADER], "should have 1 operations and has 0"),
        ([HEADER, "{"], "line 2 .*no JSON"),
        ([HEADER, "[]"], "line 2 .*no JSON object"),
        ([{**HEADER, "operations": 2}, TURN, {"kind": "dance"}], "line 3 .*'dance'"),
        ([{**HEADER, "operations": 2}, TURN, {"kind": "turn", "turn_id": "u"}], "line 3 .*a turn without items"),
    ],
)
async def test_a_file_that_is_wrong_is_told_by_its_line_and_leaves_nothing(
    talked: AgentOrchestrator, tmp_path: Path, lines: list, message: str
):
    file = tmp_path / "wrong.jsonl"
    file.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
    with pytest.raises(SessionError, match=message):
        talked.sessions.import_file(file, "imported")
    assert talked.sessions.list()["session_id"].tolist() == ["thesis"]
    assert said(talked, "imported") == []


async def test_what_is_not_to_be_kept_is_forked_and_exported_from_memory(store: SQLiteStore, tmp_path: Path):
    orchestrator = talker(store, "ah", keep_sessions=False)
    await orchestrator.chat("one")
    orchestrator.sessions.fork("thesis", "fork")
    orchestrator.sessions.rename("fork", "second")
    file = orchestrator.sessions.export("second", tmp_path / "x.jsonl")
    orchestrator.sessions.import_file(file, "third")
    assert said(orchestrator, "third") == said(orchestrator, "second") == ["one", "ah"]
    assert (said(orchestrator, "fork"), store.saved_sessions(), len(orchestrator.sessions.list())) == ([], [], 0)
    assert orchestrator.sessions.delete("third")
    assert said(orchestrator, "third") == []


@pytest.mark.parametrize("settings", [{"capture_content": "off"}, {"keep_sessions": False}])
async def test_nothing_is_kept_where_nothing_may_be(store: SQLiteStore, path: Path, settings: dict):
    orchestrator = talker(store, **settings)
    await orchestrator.chat("my secret plan")
    store.close()
    assert fresh(path).saved_sessions(every_notebook=True) == []
    assert b"secret plan" not in path.read_bytes() or settings == {"keep_sessions": False}


async def test_a_store_that_cannot_keep_conversations_keeps_none(store: SQLiteStore):
    orchestrator = talker(Bare(store), "ah")
    await orchestrator.chat("one")
    assert (said(orchestrator), len(orchestrator.sessions.list()), store.saved_sessions()) == (["one", "ah"], 0, [])


async def test_personal_data_and_secrets_are_not_kept(store: SQLiteStore, path: Path):
    key = "sk-proj-" + "aB3" * 16
    orchestrator = talker(store, f"write to ada@example.org with {key}", capture_content="redacted")
    await orchestrator.chat(f"I am bob@example.org, my key is {key}")
    assert "bob@example.org" in said(orchestrator)[0]
    orchestrator.close()
    store.close()
    stored = path.read_bytes() + b"".join(part.read_bytes() for part in path.parent.glob("victor.db-wal"))
    assert not [word for word in (b"bob@", b"ada@", key.encode()) if word in stored]
    later = talker(fresh(path, "a.ipynb"))
    assert said(later) == [
        "I am [redacted], my key is [secret scrubbed: API key]",
        "write to [redacted] with [secret scrubbed: API key]",
    ]


async def test_digests_of_redacted_conversations_are_digests_when_they_are_read_again(store: SQLiteStore, path: Path):
    orchestrator = talker(store, *["It is so. " * 40] * 9, capture_content="redacted")
    for number in range(8):
        await orchestrator.chat(f"And {number}, for bob@example.org?")
    await orchestrator.context_coordinator.force_compact("thesis")
    view = orchestrator.context_coordinator.get_context().messages
    store.close()
    again = (
        talker(fresh(path, "a.ipynb"), capture_content="redacted").context_coordinator.get_context("thesis").messages
    )
    assert [is_digest(message) for message in again] == [is_digest(message) for message in view]
    assert any(map(is_digest, again))
    assert not [message for message in again if "bob@" in f"{message}"]


async def test_a_session_that_was_closed_is_opened_again_by_chatting(talked: AgentOrchestrator, path: Path):
    talked.sessions.close("thesis")
    other = talker(fresh(path, "a.ipynb"), "from another kernel")
    await other.chat("four")
    other.close()
    await talked.chat("five")
    assert said(talked)[6:] == ["four", "from another kernel", "five", "yes"]
