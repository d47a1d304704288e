"""`{{ expressions }}` in cells of a real kernel: what the server receives, and what the cell shows."""

from __future__ import annotations

import base64
import re
from typing import Any

from support.cells import error_of, run_ok, value_of
from support.kernels import Kernel
from support.llm_server import LLMServer

Shared = tuple[Kernel, LLMServer]


def sent(server: LLMServer) -> Any:
    """The last question as the server received it."""
    return server.requests[-1].body["messages"][-1]["content"]


def test_a_frame_and_a_number_are_sent(shared: Shared) -> None:
    kernel, server = shared
    run_ok(kernel, "import pandas as pd\ndf = pd.DataFrame({'n': [1, None]}); best = 0.5")
    run_ok(kernel, "%%victor\nWhich column of {{ df }} is worse than {{ best }}?\n")
    assert sent(server) == (
        "Which column of `df` is worse than 0.5?\n\n"
        "df:\n```text\nDataFrame of 2 rows × 1 column.\nColumns:\n- n: float64, 1 missing\nAll rows:\nn\n1\nNaN\n```"
    )


def test_a_value_is_not_looked_through_and_raw_sends_the_braces(shared: Shared) -> None:
    kernel, server = shared
    run_ok(kernel, "secret = 'canary-91'; note = 'see {{ secret }} and $secret {secret}'")
    run_ok(kernel, "%%victor\nSay {{ note }}")
    assert sent(server) == "Say see {{ secret }} and $secret {secret}"
    run_ok(kernel, "%%victor --raw\nSay {{ secret }}")
    assert sent(server) == "Say {{ secret }}"


def test_code_of_cells_is_sent(shared: Shared) -> None:
    kernel, server = shared
    run_ok(
        kernel,
        "import dataclasses\n\n\n@dataclasses.dataclass\nclass Point:\n    x: int = 1\n\n\ndef go(p):\n    return p",
    )
    run_ok(kernel, "%%victor\n{{ go }}\n{{ Point }}")
    assert sent(server) == (
        "go:\n```python\ndef go(p):\n    return p\n```\n"
        "Point:\n```python\n@dataclasses.dataclass\nclass Point:\n    x: int = 1\n```"
    )


def test_a_figure_is_sent_as_a_picture_or_told(shared: Shared) -> None:
    kernel, server = shared
    run_ok(kernel, "import matplotlib.pyplot as plt\nfig = plt.figure(); _ = fig.subplots().plot([1, 2]); plt.close()")
    run_ok(kernel, f"%%victor -m {server.openai_url}#gpt-5-mini\nWhat is {{{{ fig }}}}?")
    text, image = sent(server)
    assert re.fullmatch(r"What is \[image 1: Figure, \d+ × \d+ pixels\]\?", text["text"])
    assert base64.b64decode(image["image_url"]["url"].partition(",")[2]).startswith(b"\x89PNG")
    run_ok(kernel, "%%victor\nWhat is {{ fig }}?")
    assert "[an image left out here: this model takes none]\nAxes: x from " in sent(server)


def test_an_error_fails_the_cell_before_anything_is_sent_or_recorded(shared: Shared) -> None:
    kernel, server = shared
    run_ok(kernel, "weights = [1]")
    before, turns = len(server.requests), value_of(kernel, "(len(vn.analytics.turns()), len(vn.conversation))")
    error = error_of(kernel, "%%victor\nWhat of\n{{ weihgts }}?\n{{ 1/0 }}")
    assert error.ename == "UsageError"
    assert error.traceback[0] == (
        "UsageError: {{ weihgts }} on line 3: NameError: name 'weihgts' is not defined. Did you mean 'weights'?"
    )
    assert len(server.requests) == before
    assert value_of(kernel, "(len(vn.analytics.turns()), len(vn.conversation))") == turns


def test_an_interrupt_in_an_expression_sends_nothing(shared: Shared) -> None:
    kernel, server = shared
    before = len(server.requests)
    run_ok(kernel, "import time\ndef slow():\n    print('begun', flush=True)\n    time.sleep(30)")
    cell = kernel.start("%%victor\n{{ slow() }}")
    kernel.wait_until(cell, lambda result: "begun" in result.stdout)
    kernel.interrupt()
    error = kernel.wait(cell).error
    assert error is not None
    assert error.traceback == ["KeyboardInterrupt: {{ slow() }} on line 2 was interrupted; nothing was sent"]
    assert len(server.requests) == before


def test_what_an_expression_prints_or_displays_stays(shared: Shared) -> None:
    kernel, server = shared
    run_ok(kernel, "def show():\n    display({'text/plain': 'displayed'}, raw=True)\n    return 1")
    run_ok(kernel, "class Loud:\n    def __repr__(self):\n        print('asked'); return 'loud'\nquiet = Loud()")
    for expression, kept in (("print('printed')", "printed"), ("show()", "displayed"), ("quiet", "asked")):
        server.reply("A long line of text. " * 200)
        shown = run_ok(kernel, f"%%victor\nSay {{{{ {expression} }}}}").outputs
        assert kept in str(shown), shown


def test_the_user_is_told_what_is_cut(shared: Shared) -> None:
    kernel, server = shared
    run_ok(kernel, "log = 'ab' * 40_000")
    done = run_ok(kernel, "%%victor\nSum up {{ log }}")
    assert done.stdout == "{{ log }} is not sent whole: … (cut: the first 50,000 of 80,000 characters)\n"
    assert sent(server).endswith("ab\n… (cut: the first 50,000 of 80,000 characters)")


def test_what_was_sent_is_shown(shared: Shared) -> None:
    kernel, _ = shared
    run_ok(kernel, "tag = '<img src=x onerror=alert(1)>'")
    run_ok(kernel, "%%victor\nWhat is {{ tag }}\nand {{ fig }}?")
    bundle = run_ok(kernel, "%victor context --last").displays[0]
    first, _, rest = bundle["text/plain"].partition("\n\n")
    assert re.fullmatch(r"Question of turn \d+: \d+ characters, with 1 image, about [\d,]+ tokens\.", first)
    assert rest.startswith("What is <img src=x onerror=alert(1)>\nand [image 1: Figure, ")
    assert "\n[image 1: image/png, " in rest
    html = bundle["text/html"]
    assert "&lt;img src=x" in html
    assert re.findall(r"<img [^>]*src=\"([^\"]{22})", html) == ["data:image/png;base64,"]
    assert error_of(kernel, "%victor context --latest").evalue.startswith(
        "%victor context: '--latest' is not one of --last."
    )


def test_before_the_first_question_there_is_none(shared: Shared) -> None:
    run_ok(shared[0], "%victor session empty")
    assert "Nothing has been asked" in run_ok(shared[0], "%victor context --last").stdout
