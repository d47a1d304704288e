"""The flags of a cell: each does what it says, and a value that cannot be used is refused before anything is sent."""

from __future__ import annotations

import json

import pytest
from support.cells import error_of, run_ok, value_of
from support.kernels import CellResult, Kernel
from support.llm_server import LLMServer

Shared = tuple[Kernel, LLMServer]
CODE = "Two ways:\n\n```python\na = 1\n```\n\nand\n\n```bash\nls\n```\n\n```python\nb = 2\n```\n"
PLANET = "from pydantic import BaseModel\nclass Planet(BaseModel):\n    name: str\n    moons: int"


def text_of(result: CellResult) -> str:
    return result.displays[-1]["text/plain"]


def next_cell(result: CellResult) -> list[str]:
    assert result.reply is not None
    assert all(payload["replace"] is False for payload in result.reply["payload"])
    return [payload["text"] for payload in result.reply["payload"]]


def test_code_goes_into_the_next_cell_and_is_not_run(shared: Shared) -> None:
    kernel, server = shared
    server.reply(CODE)
    done = run_ok(kernel, "%%victor --code\nHow?")
    assert next_cell(done) == ["a = 1\n\nb = 2"]
    assert "2 code blocks in the next cell" in done.stdout
    assert value_of(kernel, "'b' in globals()") == "False"


def test_code_is_put_where_it_can_be_read_in_the_order_in_which_it_runs(shared: Shared) -> None:
    kernel, server = shared
    server.reply("```python\nok = 1 # \u202e\x1b[2J\n```")
    assert next_cell(run_ok(kernel, "%%victor --code\nHow?")) == ["ok = 1 # <U+202E>[2J"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [("None needed.", "No code in the answer."), ("```bash\nls\n```", "%victor paste N takes block")],
)
def test_an_answer_without_python_says_so(shared: Shared, answer: str, said: str) -> None:
    kernel, server = shared
    server.reply(answer)
    done = run_ok(kernel, "%%victor --code\nHow?")
    assert said in done.stdout
    assert next_cell(done) == []


def test_paste_takes_the_blocks_of_the_last_answer(shared: Shared) -> None:
    kernel, server = shared
    server.reply(CODE)
    run_ok(kernel, "%%victor\nHow?")
    assert next_cell(run_ok(kernel, "%victor paste")) == ["a = 1\n\nb = 2"]
    assert next_cell(run_ok(kernel, "%victor paste 2")) == ["ls"]
    printed = run_ok(kernel, "%victor paste 3 --print")
    assert (printed.stdout.strip(), next_cell(printed)) == ("b = 2", [])
    for wrong in ("0", "4", "last"):
        assert (
            f"no block {wrong}; the last answer has 3 code blocks" in error_of(kernel, f"%victor paste {wrong}").evalue
        )


@pytest.mark.parametrize(
    ("look", "answer", "plain", "html"),
    [
        ("text", "**a** <b>", "**a** <b>", "<pre><code>**a** &lt;b&gt;</code></pre>"),
        ("code", "Say\n```python\nx\n```\nso", "x", "<pre><code>x</code></pre>"),
        ("json", '```json\n{"a":[1]}\n```', '{\n  "a": [\n    1\n  ]\n}', "<pre><code>{"),
        ("json", "no JSON", "no JSON", "<pre><code>no JSON</code></pre>"),
        ("markdown", "**a**", "**a**", "<strong>a</strong>"),
    ],
)
def test_an_answer_is_shown_as_asked(shared: Shared, look: str, answer: str, plain: str, html: str) -> None:
    kernel, server = shared
    server.reply(answer)
    done = run_ok(kernel, f"%%victor -q -f {look}\nHi")
    assert text_of(done) == plain
    assert html in done.displays[-1]["text/html"]


def test_a_schema_gives_an_object_and_shows_it(shared: Shared) -> None:
    kernel, server = shared
    run_ok(kernel, PLANET)
    server.reply('```json\n{"name": "Mars", "moons": 2}\n```')  # a fence is no part of the object
    done = run_ok(kernel, "%%victor -q --schema Planet -o mars\nThe fourth?")
    assert json.loads(text_of(done)) == {"name": "Mars", "moons": 2}
    assert "<pre><code>{" in done.displays[-1]["text/html"]
    assert value_of(kernel, "mars.value") == "Planet(name='Mars', moons=2)"
    server.reply('{"value": [1, 2]}')
    run_ok(kernel, "%%victor --schema list[int] -o numbers\nTwo numbers")
    assert value_of(kernel, "numbers.value") == "[1, 2]"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--schema Plannet", "Did you mean 'Planet'?"),
        ("--schema vn", "vn is a module, and no type"),
        ("--schema print(1)", "is not the name of a type"),
        ("--schema vn.Settinx", "vn has no 'Settinx'. Did you mean 'Settings'?"),
        ("--schema int[str]", "is not the name of a type"),
        ("--schema vn.__all__[9999]", "is not the name of a type (IndexError)"),
        ("-f markdownx", "Did you mean 'markdown'?"),
        ("--schemax Planet", "Did you mean '--schema'?"),
        ("-o class", "'class' is not a variable name"),
        ("-m", "expected one argument"),
    ],
)
def test_what_cannot_be_used_is_refused_before_anything_is_sent(shared: Shared, line: str, said: str) -> None:
    kernel, server = shared
    run_ok(kernel, PLANET)
    before = len(server.requests)
    assert said in error_of(kernel, f"%%victor {line}\nHi").evalue
    assert len(server.requests) == before


def test_help_is_help(shared: Shared) -> None:
    asked = run_ok(shared[0], "%%victor?").reply
    assert asked
    assert "--schema TYPE" in asked["payload"][0]["data"]["text/plain"]
    assert "%victor VERB" in run_ok(shared[0], "%victor --help").stdout
