"""Tools that a cell lends to the model: they run where the cell runs, and what they show lands in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from support.cells import run_ok, value_of
from support.kernels import CellResult, Kernel
from support.llm_server import LLMServer

Shared = tuple[Kernel, LLMServer]


def call(server: LLMServer, name: str, /, **arguments: Any) -> None:
    """Script a turn in which the model calls one tool and then says so."""
    server.reply(tool_calls=[(name, arguments)])
    server.reply(f"{name} was called.")


def told(server: LLMServer) -> str:
    """What the model was sent as the tool's result."""
    return next(m["content"] for m in reversed(server.requests[-1].body["messages"]) if m["role"] == "tool")


def ask(kernel: Kernel, flags: str = "") -> CellResult:
    done = run_ok(kernel, f"%%victor {flags}\nGo")
    assert "was called." in "".join(bundle.get("text/html", "") for bundle in done.displays)
    return done


def test_a_tool_runs_on_the_main_thread_and_prints_into_the_cell(shared: Shared) -> None:
    kernel, server = shared
    run_ok(
        kernel,
        "import threading\ndef where(word: str) -> str:\n    print('said', word)\n"
        "    return str(threading.current_thread() is threading.main_thread())",
    )
    call(server, "where", word="hi")
    assert ask(kernel, "--tools where").stdout == "said hi\n"
    assert told(server) == "True"


def test_a_tool_sees_and_changes_the_namespace(shared: Shared) -> None:
    kernel, server = shared
    run_ok(kernel, "count = 1\ndef more() -> int:\n    global count\n    count += 1\n    return count")
    call(server, "more")
    ask(kernel, "--tools more")
    assert told(server) == "2"
    assert value_of(kernel, "count") == "2"


def test_a_display_in_a_tool_lands_in_the_cell(shared: Shared) -> None:
    kernel, server = shared
    run_ok(
        kernel,
        "from IPython.display import display, Image\nimport base64\n"
        "PIXEL = base64.b64decode('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAA"
        "AABJRU5ErkJggg==')\ndef plot() -> str:\n    display(Image(PIXEL))\n    return 'plotted'",
    )
    call(server, "plot")
    done = ask(kernel, "--tools plot")
    assert sum("image/png" in bundle for bundle in done.displays) == 1
    assert sum("text/html" in bundle for bundle in done.displays) == 1


def test_an_async_tool(shared: Shared) -> None:
    kernel, server = shared
    run_ok(kernel, "import asyncio\nasync def wait(word: str) -> str:\n    await asyncio.sleep(0)\n    return word * 2")
    call(server, "wait", word="ab")
    ask(kernel, "--tools wait")
    assert told(server) == "abab"


def test_a_tool_that_raises_does_not_fail_the_cell(shared: Shared) -> None:
    kernel, server = shared
    run_ok(
        kernel,
        "import sys, asyncio\ndef bad():\n    raise ValueError('no such row')\ndef leave():\n    sys.exit(3)\n"
        "def give_up():\n    raise asyncio.CancelledError('mine')",
    )
    for name, says in (("bad", "no such row"), ("leave", "SystemExit"), ("give_up", "mine")):
        call(server, name)
        ask(kernel, f"--tools {name}")
        assert says in told(server)


def test_the_decorator_offers_a_tool_and_a_later_cell_replaces_it(chat: Kernel, llm_server: LLMServer) -> None:
    for version in ("old", "new"):
        run_ok(chat, f"@vn.tool\ndef lookup() -> str:\n    return '{version}'")
        call(llm_server, "lookup")
        ask(chat)
        assert told(llm_server) == version
    assert [tool["function"]["name"] for tool in llm_server.requests[-1].body["tools"]] == ["lookup"]


def test_a_tool_with_a_name_of_its_own_is_replaced_too(chat: Kernel, llm_server: LLMServer) -> None:
    for version in ("old", "new"):
        run_ok(chat, f"@vn.tool(name='search')\ndef _find_{version}() -> str:\n    return '{version}'")
    call(llm_server, "search")
    ask(chat)
    assert told(llm_server) == "new"


TWO = "@vn.tool\ndef first() -> int:\n    return 1\n@vn.tool\ndef second() -> int:\n    return 2"
SERVER = """
from mcp.server import MCPServer

server = MCPServer("notes", log_level="ERROR")


@server.tool()
def look_up() -> int:
    return 1


server.run()
"""


def test_cells_that_offer_tools_may_be_run_again(chat: Kernel, llm_server: LLMServer, tmp_path: Path) -> None:
    (tmp_path / "notes.py").write_text(SERVER)
    cells = (
        TWO,
        f"_ = vn.tool(vn.MCPTools({str(tmp_path / 'notes.py')!r}))",
        "@vn.tool\ndef first() -> int:\n    return 1",
    )
    for cell in (*cells, *cells):
        run_ok(chat, cell)
    run_ok(chat, "%%victor\nGo")
    offered = [tool["function"]["name"] for tool in llm_server.requests[-1].body["tools"]]
    assert offered == ["first", "second", "look_up"]


def test_naming_a_tool_twice_offers_it_once(chat: Kernel, llm_server: LLMServer) -> None:
    run_ok(chat, "@vn.tool\ndef lookup() -> str:\n    return 'here'")
    call(llm_server, "lookup")
    ask(chat, "--tools lookup,lookup")
    assert len(llm_server.requests[-1].body["tools"]) == 1


def test_the_decorator_before_the_extension(kernel: Kernel, llm_server: LLMServer) -> None:
    run_ok(
        kernel,
        "import victor_nb as vn, threading\n@vn.tool\ndef where() -> str:\n"
        "    return str(threading.current_thread() is threading.main_thread())",
    )
    run_ok(kernel, f"%load_ext victor_nb\n%victor use {llm_server.openai_url}#m")
    call(llm_server, "where")
    ask(kernel)
    assert told(llm_server) == "True"
    assert value_of(kernel, "vn.analytics.turns().execution_count.tolist()") == "[3]"


def test_an_awaited_chat_runs_tools_on_the_main_thread(shared: Shared) -> None:
    kernel, server = shared
    run_ok(
        kernel,
        "import threading\ndef where() -> str:\n    print('here')\n"
        "    return str(threading.current_thread() is threading.main_thread())",
    )
    call(server, "where")
    assert run_ok(kernel, "a = await vn.orchestrator.chat('Go', tools=[where])").stdout == "here\n"
    assert told(server) == "True"
    assert value_of(kernel, "a.content") == "'where was called.'"


def test_a_tool_that_asks_a_model_itself(shared: Shared) -> None:
    kernel, server = shared
    run_ok(
        kernel,
        "def delegate() -> str:\n    get_ipython().run_cell_magic('victor', '-s inner -o inner', 'You do it')\n"
        "    return inner.content\ndef again() -> str:\n"
        "    return str(threading.current_thread() is threading.main_thread())\nimport threading",
    )
    server.reply(tool_calls=[("delegate", {})])
    server.reply("done by the inner one")
    call(server, "again")
    ask(kernel, "--tools delegate,again")
    results = [m["content"] for m in server.requests[-1].body["messages"] if m["role"] == "tool"]
    assert results[-2:] == ["done by the inner one", "True"]


def test_a_tool_cannot_ask_in_the_conversation_that_called_it(shared: Shared) -> None:
    kernel, server = shared
    run_ok(
        kernel, "def loop() -> str:\n    get_ipython().run_cell_magic('victor', '', 'You do it')\n    return 'never'"
    )
    call(server, "loop")
    ask(kernel, "--tools loop")
    assert "waiting for the tool that asks" in told(server)


def test_a_chat_on_a_thread_of_the_users_keeps_its_tools_while_a_cell_waits(shared: Shared) -> None:
    kernel, server = shared
    run_ok(
        kernel,
        "import asyncio, threading\ndef where() -> str:\n    return threading.current_thread().name\n"
        "def other():\n    global found\n"
        "    found = asyncio.run(vn.orchestrator.chat('Go', session_id='thread', tools=[where]))\n"
        "worker = threading.Thread(target=other)",
    )
    call(server, "where")
    run_ok(kernel, "worker.start()\nworker.join(20)\nassert not worker.is_alive()")
    assert value_of(kernel, "found.content") == "'where was called.'"
    assert told(server) != "MainThread"
