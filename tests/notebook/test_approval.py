"""A tool that needs the person's word: asked below the cell, once, always or never."""

from __future__ import annotations

from typing import Any

import pytest
from support.cells import run_ok
from support.kernels import CellResult, Kernel
from support.llm_server import LLMServer

Shared = tuple[Kernel, LLMServer]
DEFINE = """
from victor_nb.agent.tools import tool as marked
deleted = []
@marked(requires_approval=True)
def {name}(path: str) -> str:
    deleted.append(path)
    return 'gone'
"""


def ask(shared: Shared, name: str, *answers: str, stdin: bool = True) -> tuple[CellResult, str]:
    """One cell in which the model calls `name("a.csv")`; and what it was told."""
    kernel, server = shared
    server.reply(tool_calls=[(name, {"path": "a.csv"})])
    server.reply("So be it.")
    done = kernel.wait(kernel.start(f"%%victor --tools {name}\nDelete a.csv", answers=answers if stdin else None))
    results: list[dict[str, Any]] = [m for m in server.requests[-1].body["messages"] if m["role"] == "tool"]
    return done, results[-1]["content"]


@pytest.mark.parametrize(("typed", "made"), [("y", True), ("n", False), ("", False)])
def test_each_call_is_asked_about(shared: Shared, typed: str, made: bool) -> None:
    run_ok(shared[0], DEFINE.format(name=f"delete_{typed or 'none'}"))
    for _ in range(2):
        done, told = ask(shared, f"delete_{typed or 'none'}", typed)
        assert done.prompts == [f'Run delete_{typed or "none"}(path="a.csv")? [y]es, [N]o, [a]lways: ']
        assert (told == "gone") is made
    assert run_ok(shared[0], "print(deleted)").stdout == f"{['a.csv'] * 2 if made else []}\n"


def test_always_is_for_this_tool_until_the_kernel_ends(shared: Shared) -> None:
    run_ok(shared[0], DEFINE.format(name="wipe"))
    assert ask(shared, "wipe", "a")[0].prompts
    done, told = ask(shared, "wipe")
    assert (done.prompts, told) == ([], "gone")
    run_ok(shared[0], DEFINE.format(name="other"))
    assert ask(shared, "other", "n")[0].prompts


def test_always_is_for_the_function_that_it_was_said_of(shared: Shared) -> None:
    offer = "@vn.tool(requires_approval=True)\ndef tidy(path: str) -> str:\n    return '{}'"
    run_ok(shared[0], offer.format("gone"))
    assert ask(shared, "tidy", "a")[0].prompts
    run_ok(shared[0], offer.format("gone"))
    assert not ask(shared, "tidy")[0].prompts
    run_ok(shared[0], offer.format("all gone"))
    assert ask(shared, "tidy", "n")[0].prompts
    run_ok(shared[0], "vn.orchestrator.tools.clear()")


def test_without_anybody_to_ask_it_is_denied_and_the_cell_is_ok(shared: Shared) -> None:
    run_ok(shared[0], DEFINE.format(name="alone"))
    done, told = ask(shared, "alone", stdin=False)
    assert done.status == "ok"
    assert "gone" not in told
    assert run_ok(shared[0], "print(deleted)").stdout == "[]\n"


def test_an_interrupt_at_the_question_stops_the_turn(shared: Shared) -> None:
    kernel, server = shared
    run_ok(kernel, DEFINE.format(name="stop_me"))
    asked = len(server.requests)
    server.reply(tool_calls=[("stop_me", {"path": "a.csv"})])
    cell = kernel.start("%%victor --tools stop_me\nDelete a.csv", answers=[])
    kernel.wait_until(cell, lambda result: result.prompts)
    kernel.interrupt()
    done = kernel.wait(cell)
    assert done.error is not None
    assert done.error.ename == "AnswerInterrupted"
    assert len(server.requests) == asked + 1
    assert run_ok(kernel, "print(deleted)").stdout == "[]\n"


def test_the_list_of_tools_says_who_is_asked(shared: Shared) -> None:
    kernel, _ = shared
    define = "@vn.tool(requires_approval=True, timeout_s=5)\ndef erase(path: str) -> None:\n    'Erase a file.'\n"
    run_ok(kernel, f"vn.orchestrator.tools.clear()\n{define}@vn.tool\ndef look() -> None: ...")
    run_ok(kernel, "found = %victor tools")
    rows = run_ok(
        kernel, "for row in found.astype('string').fillna('').values.tolist(): print(row)"
    ).stdout.splitlines()
    assert rows == [
        "['erase', 'this notebook', 'each call', '5.0', 'Erase a file.']",
        "['look', 'this notebook', 'not needed', '', '']",
    ]
    run_ok(kernel, "vn.orchestrator.tools.clear()")
