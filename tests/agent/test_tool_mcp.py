"""A real MCP server as a source of tools: over standard input and output, and over HTTP."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from victor_nb.agent.orchestrator import AgentOrchestrator
from victor_nb.agent.runners import run_in_thread
from victor_nb.agent.tools import Toolbox, ToolOutcome
from victor_nb.agent.tools.mcp import MCPTools, mcp_tools
from victor_nb.agent.tools.sources import close_sources, found_tools, known_tools
from victor_nb.errors import ToolError, UsageError
from victor_nb.messages import ToolCall
from victor_nb.testing import ScriptedModel, call

SERVER = Path(__file__).parents[1] / "support" / "mcp_server.py"


@pytest.fixture(scope="module")
def notes() -> Iterator[MCPTools]:
    """One server for all tests: it takes a second to start."""
    entry = {"command": sys.executable, "args": [str(SERVER)], "env": {"NOTES": "1"}}
    source = MCPTools(entry, name="notes", prefix="my_")
    yield source
    close_sources([source], 10)


async def made(source: MCPTools, name: str, **arguments: Any) -> ToolOutcome:
    return await Toolbox(await source.tools()).dispatch(ToolCall("1", name, json.dumps(arguments)), run_in_thread)


async def test_the_servers_tools_are_offered_and_called(notes: MCPTools) -> None:
    model = ScriptedModel(call("my_notes_add", title="tea", text="green"), call("my_find", title="tea"), "done")
    orchestrator = AgentOrchestrator(model=model, tools=[notes, len_of])
    response = await orchestrator.chat("Note that")
    specs = {spec.name: spec for spec in model.requests[0].tools}
    assert list(specs)[-1] == "len_of"
    assert specs["my_notes_add"].description == "Keep a note; gives how many there are."
    assert specs["my_notes_add"].parameters["required"] == ["title"]
    assert [found.result for found in response.tool_calls] == ["1", '{"title":"tea","text":"green"}']
    assert [tool.name for tool in known_tools(orchestrator.tools)] == list(specs)


def len_of(text: str) -> int:
    return len(text)


async def test_results_of_every_kind(notes: MCPTools) -> None:
    picture = await made(notes, "my_picture")
    assert picture.text == "[image 1: Image, 1 × 1 pixels]"
    assert picture.images[0].media_type == "image/png"
    missing = await made(notes, "my_find")
    assert missing.status == "invalid_arguments"
    assert "title: missing" in missing.text
    failed = await made(notes, "my_find", title="nowhere")
    assert (failed.status, failed.error_type) == ("error", "ToolError")
    assert "Error executing tool find" in failed.text


async def test_a_server_that_dies_is_told_and_started_anew_without_our_keys(
    notes: MCPTools, monkeypatch: pytest.MonkeyPatch
) -> None:
    await made(notes, "my_notes_add", title="tea")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
    crashed = await made(notes, "my_crash")
    assert crashed.status == "error"
    assert "has gone" in crashed.text
    assert "out of paper" in crashed.text
    assert (await made(notes, "my_notes_add", title="coffee")).text == "1"
    names = json.loads((await made(notes, "my_environment")).text)
    assert "NOTES" in names
    assert "OPENAI_API_KEY" not in names


async def test_closing_the_orchestrator_ends_the_server(notes: MCPTools) -> None:
    orchestrator = AgentOrchestrator(model=ScriptedModel("Hello!"), tools=[notes])
    await orchestrator.chat("Hi")
    assert servers() == 1
    orchestrator.close()
    assert servers() == 0


def servers() -> int:
    """Processes of ours that run the server."""
    found = subprocess.run(
        ["ps", "-o", "args=", "--ppid", str(os.getpid())], capture_output=True, text=True, check=True
    )
    return sum(str(SERVER) in line for line in found.stdout.splitlines())


@pytest.mark.parametrize(
    ("server", "reason"),
    [
        ([sys.executable, "-c", "import sys; sys.exit('no licence')"], "cannot be reached.*no licence"),
        ("no-such-program --now", "cannot be reached.*no-such-program"),
        ("http://127.0.0.1:9/mcp", "cannot be reached"),
    ],
)
async def test_a_server_that_does_not_start_is_one_clear_error(server: Any, reason: str) -> None:
    orchestrator = AgentOrchestrator(model=ScriptedModel("never"), tools=[MCPTools(server)])
    with pytest.raises(ToolError, match=reason):
        await orchestrator.chat("Hi")


async def test_a_server_that_says_nothing_is_not_waited_for_for_ever() -> None:
    silent = MCPTools([sys.executable, "-c", "import sys; sys.stdin.read()"], start_timeout_s=0.5)
    with pytest.raises(ToolError, match="cannot be reached"):
        await silent.tools()


@pytest.mark.parametrize(
    ("server", "reason"),
    [
        ("", "is no MCP server"),
        (Path("gone.py"), "is no script"),
        ({"comand": "x"}, "Did you mean 'command'"),
        ({}, "needs a command or a url"),
    ],
)
def test_what_is_no_server_is_refused(server: Any, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        MCPTools(server)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, str(SERVER), "--http", str(port)])
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}/mcp"
    process.terminate()
    process.wait(10)


async def test_a_server_over_http(url: str) -> None:
    source = MCPTools(url, headers={"X-Team": "research"})
    assert (await made(source, "notes_add", title="tea")).text == "1"
    assert (await made(source, "find", title="tea")).text == '{"title":"tea","text":""}'
    await source.aclose()


async def test_a_choice_of_tools_some_of_which_need_an_approval(url: str) -> None:
    source = MCPTools(url, only=["find", "notes/add"], requires_approval=["notes/add"])
    assert [tool.name for tool in await found_tools([source])] == ["notes_add", "find"]
    assert (await made(source, "notes_add", title="tea")).status == "denied"
    wrong = MCPTools(url, only=["fnd"])
    with pytest.raises(UsageError, match=r"no tool 'fnd'\. Did you mean 'find'\?"):
        await wrong.tools()
    await source.aclose()
    await wrong.aclose()


async def test_a_configuration_names_several_servers(url: str, tmp_path: Path) -> None:
    config = tmp_path / "mcp.json"
    config.write_text(json.dumps({"mcpServers": {"my notes": {"url": url}, "off": {"url": url, "disabled": True}}}))
    (source,) = mcp_tools(config, only=["find"])
    assert [tool.name for tool in await source.tools()] == ["my_notes_find"]
    await source.aclose()
    with pytest.raises(UsageError, match="mcpServers"):
        mcp_tools({})
    with pytest.raises(UsageError, match="cannot be read"):
        mcp_tools(tmp_path / "gone.json")
