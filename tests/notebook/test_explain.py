"""`%victor explain`: what a model is told of the last exception, and what it is not."""

from __future__ import annotations

from collections.abc import Callable

from support.cells import connect, error_of, run_ok, value_of
from support.kernels import Kernel
from support.llm_server import LLMServer

Shared = tuple[Kernel, LLMServer]
SECRET = "sk-proj-Zx9Qm2Lr7Tw4Kp8Vb3Nc6"
FAILING = f"""
import json
api_key, rate, table = {SECRET!r}, 0, {{"a": list(range(1_000))}}
def share(amount):
    return amount / rate
def report(name):
    return json.loads('{{"x": 1}}')["x"] + share(len(name + api_key))
report("Mars")
"""


def sent(server: LLMServer) -> str:
    messages = server.requests[-1].body["messages"]
    return str(messages[-1]["content"])


def test_the_model_is_told_of_the_exception_its_cell_and_its_names(shared: Shared) -> None:
    kernel, server = shared
    assert kernel.run(FAILING).status == "error"
    server.reply("You divide by **zero**.")
    done = run_ok(kernel, "%victor explain isn't it odd? -o why")
    assert "<strong>zero</strong>" in done.displays[-1]["text/html"]
    assert value_of(kernel, "why.content") == "'You divide by **zero**.'"
    told = sent(server)
    assert "ZeroDivisionError: division by zero" in told
    assert "isn't it odd?" in told
    assert "The cell, line 4, in share: return amount / rate" in told
    assert "def report(name):" in told
    assert "rate: int = 0" in told
    assert "name: str of 4 characters = 'Mars'" in told
    assert SECRET not in told
    assert "range(1_000)" in told  # the source
    assert "1, 2, 3" not in told  # not the value


def test_an_exception_inside_of_a_library_is_told_by_the_users_lines(shared: Shared) -> None:
    kernel, server = shared
    kernel.run("import json\ntext = '{{ not an expression }}'\njson.loads(text)")
    run_ok(kernel, "%victor explain")
    told = sent(server)
    assert "The cell, line 3, in <module>: json.loads(text)" in told
    assert "… and inside of a library: decoder.py" in told
    assert told.count("line ") < 5
    assert "{{ not an expression }}" in told


def test_what_led_to_it_is_told_and_what_could_not_be_read(shared: Shared) -> None:
    kernel, server = shared
    kernel.run("try:\n    {}['a']\nexcept KeyError as e:\n    raise RuntimeError('no a') from e")
    run_ok(kernel, "%victor explain")
    assert "KeyError: 'a'\nwhich led to\nRuntimeError: no a" in sent(server)
    kernel.run("x = (1,\ny = 2")
    run_ok(kernel, "%victor explain")
    assert "SyntaxError" in sent(server)
    assert "x = (1,\ny = 2" in sent(server)


def test_an_explanation_that_failed_can_be_asked_for_again(shared: Shared) -> None:
    kernel, server = shared
    kernel.run("1 / 0")
    server.reply(status=400, error="not now")
    error_of(kernel, "%victor explain")
    run_ok(kernel, "%victor explain")
    assert "ZeroDivisionError" in sent(server)


def test_without_an_exception_there_is_nothing_to_explain(
    new_kernel: Callable[..., Kernel], llm_server: LLMServer
) -> None:
    kernel = connect(new_kernel(), llm_server)
    assert "no exception was raised" in error_of(kernel, "%victor explain").evalue
    assert "the last error is one of victor_nb: %victor: no verb 'usse'" in (
        error_of(kernel, "%victor usse") and error_of(kernel, "%victor explain").evalue
    )
    assert llm_server.requests == []
