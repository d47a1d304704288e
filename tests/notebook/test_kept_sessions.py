"""Conversations that outlive their kernel, and kernels that want the same one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.cells import connect, error_of, run_ok, value_of
from support.kernels import Kernel
from support.llm_server import LLMServer

NewKernel = Callable[..., Kernel]
Shared = tuple[Kernel, LLMServer]
STATE = (
    "[[(m.role, m.content, m.pinned) for m in vn.conversation.messages], "
    "[m.content for m in vn.orchestrator.context_coordinator.get_context().messages], "
    "[(r.outcome, r.undone, r.tokens_after) for r in vn.conversation.records()], vn.conversation.turn_ids]"
)


def ask(kernel: Kernel, text: str, cell_id: str) -> None:
    cell = kernel.start(f"%%victor\n{text}", cell_id=cell_id)
    assert kernel.wait(cell).status == "ok", cell.result.error


def test_a_killed_kernels_conversation_goes_on_as_it_was(new_kernel: NewKernel, llm_server: LLMServer) -> None:
    kernel = connect(new_kernel(), llm_server)
    run_ok(kernel, "%victor session thesis")
    for number in range(6):
        llm_server.reply(f"Answer {number}. " + "The mean is 3.5 and not 4. " * 40)
        ask(kernel, f"Question {number}", f"cell-{number}")
    run_ok(kernel, "%victor pin 'Question 2'")
    assert "Made smaller" in run_ok(kernel, "%victor compact").stdout
    state = value_of(kernel, STATE)
    kernel.kill()
    later = connect(new_kernel(), llm_server)
    assert run_ok(later, "%victor session thesis").stdout == "Session thesis: 12 messages.\n"
    assert value_of(later, STATE) == state
    ask(later, "Question 2, said otherwise", "cell-2")
    assert value_of(later, "(len(vn.conversation.turn_ids), vn.conversation.messages[4].content)") == (
        "(6, 'Question 2, said otherwise')"
    )


def test_a_second_kernel_has_a_clear_choice(shared: Shared, new_kernel: NewKernel) -> None:
    first, server = shared
    second = connect(
        new_kernel(env={"VICTOR_HOME": value_of(first, "__import__('os').environ['VICTOR_HOME']").strip("'")}), server
    )
    run_ok(first, "%victor session 'my thesis'")
    ask(first, "Mine", "a")
    for source in ("%victor session 'my thesis'", "%%victor -s 'my thesis'\nHi"):
        error = error_of(second, source)
        assert error.ename == "SessionInUseError"
        assert "'my thesis' is open in" in error.traceback[0]
        assert "%victor session 'my thesis' --fork 'my thesis-2'" in error.traceback[1]
        assert "%victor session 'my thesis' --read-only" in error.traceback[1]
    assert ": 0 messages" in run_ok(second, "%victor session").stdout
    looked = run_ok(second, "%victor session 'my thesis' --read-only").stdout
    assert ": 2 messages. It is open in the kernel of" in looked
    asked = len(server.requests)
    assert error_of(second, "%%victor\nMine too").ename == "SessionInUseError"
    refused = error_of(second, "%victor reset")
    assert refused.ename == "SessionInUseError"
    assert "%victor session 'my thesis' --fork" in refused.traceback[1]
    assert len(server.requests) == asked
    assert ": 2 messages" in run_ok(second, "%victor session 'my thesis' --fork mine").stdout
    ask(second, "Mine too", "b")
    assert value_of(first, "len(vn.conversation)") == "2"
    assert value_of(second, "len(vn.conversation)") == "4"
    run_ok(second, "%victor session 'my thesis' --read-only")
    run_ok(first, "vn.sessions.close('my thesis')")
    run_ok(second, "%victor session 'my thesis'\n%victor pin 0")


OTHER = """
import os, pathlib
from victor_nb.store.sqlite import SQLiteStore
from victor_nb.testing import ScriptedModel
store = SQLiteStore(pathlib.Path(os.environ["VICTOR_HOME"]) / "victor.db", notebook="/home/me/other.ipynb")
theirs = vn.AgentOrchestrator(model=ScriptedModel("Hello!"), store=store, session_id="plan")
await theirs.chat("Theirs")
"""


def test_a_conversation_of_another_notebook_is_copied(shared: Shared) -> None:
    kernel, _ = shared
    run_ok(kernel, OTHER)
    assert run_ok(kernel, "%victor session plan").stdout == "Session plan: 0 messages.\n"
    error = error_of(kernel, "%victor session plan --from othr.ipynb")
    assert "Did you mean 'other.ipynb'" in "".join(error.traceback)
    assert "Session plan: 2 messages." in run_ok(kernel, "%victor session plan --from other.ipynb").stdout
    ask(kernel, "Mine", "b")
    assert (
        value_of(kernel, "(len(vn.conversation), len(theirs.context_coordinator.get_context().messages))") == "(4, 2)"
    )
    run_ok(kernel, "theirs.close(); store.close()")


@pytest.fixture
def talking(shared: Shared) -> Kernel:
    return talk(shared[0])


def talk(kernel: Kernel) -> Kernel:
    """A kernel in a conversation of three turns, named `talk`."""
    for name in ("talk", "again", "copy"):
        kernel.run(f"%victor session delete {name} --yes")
    run_ok(kernel, "%victor session talk")
    for number in range(3):
        ask(kernel, f"Question {number}", f"cell-{number}")
    return kernel


@pytest.fixture(scope="module")
def talking_once(shared: Shared) -> Kernel:
    return talk(shared[0])


def test_fork_rename_delete(talking: Kernel) -> None:
    run_ok(talking, "%victor session fork talk copy --at 2")
    assert "Session copy: 4 messages." in run_ok(talking, "%victor session copy").stdout
    run_ok(talking, "%victor session rename copy renamed")
    assert "Session renamed: 4 messages." in run_ok(talking, "%victor session").stdout
    assert error_of(talking, "%victor session delete renamed").ename == "UsageError"
    kept = talking.wait(talking.start("%victor session delete renamed", answers=["n"]))
    assert (kept.prompts, kept.stdout) == (
        ["Delete the session 'renamed' for good? [y/N] "],
        "Nothing was deleted.\n",
    )
    assert "Deleted" in talking.wait(talking.start("%victor session delete renamed", answers=["y"])).stdout
    assert value_of(talking, "'renamed' in vn.sessions.list()['session_id'].tolist()") == "False"
    assert "Session renamed: 0 messages." in run_ok(talking, "%victor session renamed").stdout


def test_export_and_import(talking: Kernel) -> None:
    run_ok(talking, "%victor session export talk talk.jsonl")
    run_ok(talking, "before = [m.content for m in vn.conversation.messages]\n%victor session import talk.jsonl again")
    run_ok(talking, "%victor session again")
    assert value_of(talking, "[m.content for m in vn.conversation.messages] == before") == "True"
    assert error_of(talking, "%victor session import talk.jsonl again").ename == "SessionError"
    assert error_of(talking, "%victor session import nothing.jsonl").ename == "SessionError"


def test_the_list_joins_what_is_kept_and_what_was_recorded(talking: Kernel) -> None:
    run_ok(talking, "%victor session fork talk listed\n%victor session listed")
    for _ in range(2):
        ask(talking, "Question 1, again", "cell-1")
    run_ok(talking, "sessions = %victor sessions\nrow = sessions[sessions.session_id == 'listed'].iloc[0]")
    told = "row[['kept', 'turns', 'turns_run', 'messages', 'held_here', 'first_prompt']].astype('string').tolist()"
    assert value_of(talking, told) == "['True', '3', '2', '6', 'True', 'Question 0']"
    assert value_of(talking, "sessions.iloc[:0].dtypes.equals(sessions.dtypes)") == "True"


def test_reset_forgets_for_good(talking: Kernel) -> None:
    run_ok(talking, "%victor reset")
    assert value_of(talking, "(len(vn.conversation), vn.conversation.turn_ids)") == "(0, ())"
    run_ok(talking, "%victor session elsewhere\nvn.sessions.close('talk')\n%victor session talk")
    assert value_of(talking, "len(vn.conversation)") == "0"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("session forkk a b", "Did you mean 'fork'?"),
        ("session a --forkk b", "Did you mean '--fork'?"),
        ("session --read-only", "needs the name"),
        ("session a --read-only --fork b", "leave out one"),
        ("session no-such --read-only", "no session 'no-such'"),
        ("session fork", "name, new"),
        ("session fork no-such new", "no session 'no-such'"),
        ("session fork talk new --at 9", "1 to 3"),
        ("session fork talk new --att 1", "Did you mean '--at'?"),
        ("session fork talk talk", "already"),
        ("session rename no-such new", "no session 'no-such'"),
        ("session delete no-such --yes", "no session 'no-such'"),
        ("session delete no-such", "no session 'no-such'"),
        ("session rename tlak new", "Did you mean 'talk'?"),
        ("session export no-such x.jsonl", "no session 'no-such'"),
        ("session export talk", "path"),
        ("session ''", "session_id"),
        ("session a --from nowhere.ipynb", "nowhere.ipynb"),
        ("reset all", "nothing more"),
    ],
)
def test_bad_words_are_one_clear_error(talking_once: Kernel, line: str, says: str) -> None:
    error = error_of(talking_once, f"%victor {line}")
    assert error.ename in ("UsageError", "SessionError")
    assert says in "".join(error.traceback)
    assert run_ok(talking_once, "%victor session").stdout == "Session talk: 6 messages.\n"
