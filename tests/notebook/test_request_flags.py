"""Flags that shape a request, what it would be, and what it may cost."""

from __future__ import annotations

import json
from html import unescape
from pathlib import Path

import pytest
from support.cells import error_of, run_ok, value_of
from support.kernels import Kernel
from support.llm_server import LLMServer

from victor_nb.errors import UsageError
from victor_nb.messages import MODEL_SETTINGS
from victor_nb.notebook.grammar.arguments import parse_cell_line
from victor_nb.notebook.grammar.flags import BOOLS, EFFORTS, FLAGS, TIERS

Shared = tuple[Kernel, LLMServer]
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>"


@pytest.mark.parametrize(
    ("line", "settings"),
    [
        ("--temperature 0.2 --top-p 0.5 --max-tokens 9", {"temperature": 0.2, "top_p": 0.5, "max_tokens": 9}),
        ("--seed 7 --timeout 2.5 --thinking high", {"seed": 7, "timeout": 2.5, "thinking": "high"}),
        ("--thinking FALSE --parallel-tool-calls True", {"thinking": False, "parallel_tool_calls": True}),
        ("--presence-penalty -1 --service-tier flex", {"presence_penalty": -1, "service_tier": "flex"}),
    ],
)
def test_settings_are_read_by_their_kind(line: str, settings: dict[str, object]) -> None:
    assert parse_cell_line(line).settings == settings


@pytest.mark.parametrize(
    "line",
    [
        *("--temperature hot", "--temperature 3", "--temperature NaN", "--max-tokens 0.5", "--seed x"),
        *("--thinking hard", "--timeout -1", "--top-p null", "--parallel-tool-calls 1"),
        *("--budget 0", "--budget free", "--budget inf"),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_what_can(line: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_cell_line(line)
    assert caught.value.message.startswith(f"%%victor: {line}: it must be ")


@pytest.mark.parametrize(
    ("flag", "known"), [("thinking", EFFORTS), ("service-tier", TIERS), ("parallel-tool-calls", BOOLS)]
)
def test_values_that_completion_offers_are_taken(flag: str, known: tuple[str, ...]) -> None:
    assert all(parse_cell_line(f"--{flag} {value}").settings for value in known)


def test_every_setting_with_a_plain_value_has_a_flag() -> None:
    flags = {flag.field for flag in FLAGS if flag.is_setting}
    assert flags == MODEL_SETTINGS - {"logit_bias", "extra_body", "stop_sequences"}


def test_a_request_has_them_and_the_next_one_has_not(shared: Shared) -> None:
    kernel, server = shared
    run_ok(kernel, "%%victor --temperature 0.2 --max-tokens 50 --seed 7 --system 'Be brief.'\nHi")
    body = server.requests[-1].body
    assert (body["temperature"], body["max_completion_tokens"], body["seed"]) == (0.2, 50, 7)
    assert body["messages"][0]["content"].endswith("\n\nBe brief.")
    prompt = "vn.orchestrator.prompt_coordinator.explain()[['contributor', 'text']].iloc[-1].tolist()"
    assert value_of(kernel, prompt) == "['TurnPrompt', 'Be brief.']"
    run_ok(kernel, "%%victor\nHi")
    assert {"temperature", "max_completion_tokens", "seed"}.isdisjoint(server.requests[-1].body)
    assert "Be brief" not in str(server.requests[-1].body)


def test_nothing_is_sent_with_a_wrong_one(shared: Shared) -> None:
    kernel, server = shared
    before = len(server.requests)
    error = error_of(kernel, "%%victor --temperature hot\nHi")
    assert error.traceback[0] == ("UsageError: %%victor: --temperature hot: it must be a finite number from 0 to 2.")
    assert "Did you mean '--temperature'?" in error_of(kernel, "%%victor --temprature 1\nHi").traceback[0]
    assert len(server.requests) == before


def test_a_dry_run_shows_what_is_sent_then_and_sends_nothing(shared: Shared) -> None:
    kernel, server = shared
    run_ok(kernel, f"%victor session dry\ndef look():\n    '''Look at {HOSTILE}.'''\nx = {HOSTILE!r}")
    run_ok(kernel, "%%victor\nHi")
    before = len(server.requests)
    done = run_ok(kernel, "%%victor --dry-run -o p --tools look --seed 7\n{{ x }} and " + HOSTILE)
    assert len(server.requests) == before
    (shown,) = done.displays
    assert "<script" not in shown["text/html"]
    assert "<img" not in shown["text/html"]
    assert HOSTILE in unescape(shown["text/html"])
    assert shown["text/plain"].startswith("Not sent. openai-chat:m · ")
    assert "no price: it runs on a server of yours" in shown["text/plain"]
    run_ok(kernel, "import json; from pathlib import Path; Path('p.json').write_text(json.dumps(p.to_dict()))")
    folder = Path(value_of(kernel, "str(Path.cwd())")[1:-1])
    messages = json.loads((folder / "p.json").read_text())["messages"]
    run_ok(kernel, "%%victor --tools look --seed 7\n{{ x }} and " + HOSTILE)
    sent = server.requests[-1].body
    assert [m["content"] for m in messages] == [m["content"] for m in sent["messages"]]
    assert (sent["seed"], [tool["function"]["name"] for tool in sent["tools"]]) == (7, ["look"])


def test_a_dry_run_needs_no_key_and_says_so(shared: Shared) -> None:
    done = run_ok(shared[0], "%%victor --dry-run -m anthropic\nHi")
    assert "It cannot be sent: Anthropic needs an API key" in done.displays[0]["text/plain"]
    assert "input about $0.000" in done.displays[0]["text/plain"]


def test_a_budget_refuses_in_one_line(shared: Shared) -> None:
    kernel, server = shared
    address = f"{server.openai_url}#m"
    run_ok(
        kernel,
        "from victor_nb.session import current\nbefore = current().orchestrator\n"
        f"priced = vn.Settings(prices={{{address!r}: [10, 10]}})\n"
        f"current().orchestrator = vn.AgentOrchestrator(priced, model={address!r})",
    )
    assert "No budget. This kernel has spent about $0." in run_ok(kernel, "%victor budget").stdout
    assert run_ok(kernel, "%victor budget 0.5").stdout.startswith("Budget of this kernel: $0.5, about $0 of it spent")
    run_ok(kernel, "%%victor\nHi")
    sent = len(server.requests)
    error = error_of(kernel, "%%victor --budget 0.0001\nHi")
    assert error.traceback[0].startswith("BudgetError: the next request would cost about $0.00")
    run_ok(kernel, "%victor budget 0.0001")
    assert "%victor budget off" in error_of(kernel, "%%victor\nHi").traceback[1]
    assert len(server.requests) == sent
    events = "vn.analytics.events(type='budget_exceeded')['data'].str.contains('\"scope\":\"turn\"').tolist()"
    assert value_of(kernel, events) == "[True, False]"
    assert "No budget." in run_ok(kernel, "%victor budget off").stdout
    run_ok(kernel, "%%victor\nHi\n")
    assert "is no amount" in error_of(kernel, "%victor budget offf").traceback[0]
    run_ok(kernel, "current().orchestrator = before")
