"""Answers in a real JupyterLab: hostile text does nothing there, and a friendly one streams, is typeset and stays."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Request
from support.lab import Lab, LabPage

pytestmark = pytest.mark.browser

RUN = "window.pwned=1"
HOSTILE = [
    "<script>RUN</script>",
    "<img src=x onerror=RUN>",
    "<img src='LEAK/img'>",
    "<svg onload=RUN><script>RUN</script></svg>",
    "<svg><image href='LEAK/svg'/></svg>",
    "<iframe src='javascript:parent.RUN'></iframe>",
    "<iframe src='LEAK/iframe'></iframe>",
    "<iframe srcdoc='<script>parent.RUN</script>'></iframe>",
    "<style>body{background:url(LEAK/style)}</style>",
    "<link rel=stylesheet href='LEAK/link'>",
    "<meta http-equiv=refresh content='0;url=LEAK/meta'>",
    "<base href='LEAK/'>",
    "<form action='LEAK/form'><input autofocus onfocus=RUN></form>",
    "<object data='LEAK/object'></object><embed src='LEAK/embed'>",
    "<video src='LEAK/video' onerror=RUN></video><audio src='LEAK/audio'></audio>",
    "<details open ontoggle=RUN>x</details>",
    "<math><mtext></p><img src=x onerror=RUN></math>",
    "<div style='background:url(LEAK/div)'>x</div>",
    "</div></div><script>RUN</script>",
    "<!--><script>RUN</script>-->",
    "<textarea autofocus onfocus=RUN>",
    "![img](LEAK/image)",
    "![img][ref]\n\n[ref]: LEAK/reference",
    "![a](LEAK/title 'x\" onerror=\"RUN')",
    "![x](data:image/svg+xml,<svg/onload=RUN>)",
    "[link](javascript:RUN)",
    "[link](JaVaScRiPt&colon;RUN)",
    "[link][js]\n\n[js]: javascript:RUN",
    "[a](https://a.example 'x\" onmouseover=\"RUN')",
    '[a](https://a.example/"onmouseover="RUN)',
    "<javascript:RUN>",
    "[data](data:text/html,<script>RUN</script>)",
    '```html"><script>RUN</script>\ncode\n```',
    "```html\n<script>RUN</script><img src=LEAK/fence onerror=RUN>\n```",
    "`<img src=x onerror=RUN>`",
    "    <script>RUN</script>",
    "| <img src=x onerror=RUN> |\n|---|\n| ![c](LEAK/cell) |",
    "# <img src=x onerror=RUN>",
    "$\\href{javascript:RUN}{click}$",
    "$ \\href{javascript:RUN}{click} $",
    "$$\n\\style{background:url(LEAK/math)}{x}\n$$",
    "\\(</span><img src=x onerror=RUN>\\)",
    "$<img src=x onerror=RUN>$",
    "\\begin{a}<script>RUN</script>\\end{a}",
    "\u202e<script>RUN</script>\x00\ud800",
]
FRIENDLY = """## Missing values by column

The column with the **most missing values** is `income`: 1,204 of 5,000 rows (24 %). See
[the pandas guide](https://pandas.pydata.org/docs/user_guide/missing_data.html), it costs $5 or $6.

1. Check whether they are missing *at random*.
2. Compare `age` for rows with and without income:
   - medians first,
   - then the whole distribution.
3. Decide between imputing and ~~guessing~~ dropping.

```python
def missing_share(frame: pd.DataFrame) -> pd.Series:
    \"\"\"Share of missing values, largest first.\"\"\"
    share = frame.isna().mean()  # 0.0 to 1.0
    return share[share > 0].sort_values(ascending=False)


print(missing_share(df).head(3))
```

| column | missing | share | what to do |
|:-------|--------:|------:|:-----------|
| income | 1,204 | 24.1 % | impute by `employer` |
| age | 80 | 1.6 % | drop the rows |
| city | 3 | 0.1 % | leave |

The mean of what is there, $\\hat\\mu_{obs} = \\frac{1}{n}\\sum_i x_i$, is biased when

$$
P(R_i = 1 \\mid x_i) \\neq P(R_i = 1)
$$

> Rows without income lack `employer` too, in 92 % of the cases.

![histogram](https://example.org/histogram.png)
"""
TALK = """
import time
from victor_nb.messages import ChatChunk, ChatResponse, ToolCall, ToolResult, Usage
from victor_nb.notebook.stream import AnswerDisplay, IPythonPublisher
text = {text!r}
display = AnswerDisplay(IPythonPublisher(), sole={sole})
{tools}
for start in range(0, len(text), 8):
    display.feed(ChatChunk(content=text[start:start + 8]))
    time.sleep({pause})
usage = Usage(1520, 345, cached_tokens=1024)
display.finish(ChatResponse(text, usage, "gpt-5-mini", "openai", "s", "t", cost_usd=0.00123, duration_s=0.84))
"""
TOOLS = """
call = ToolCall("1", "missing_values", '{"frame": "df", "columns": ["income", "age", "city"]}')
display.feed(ChatChunk(reasoning="The user wants <b>counts</b>.", content="Let me look at the data first."))
display.feed(ChatChunk(tool_started=call))
print("printed by the tool")
display.feed(ChatChunk(tool_finished=ToolResult("1", call.name, call.arguments, "income 1204", "ok", 0.21)))
"""


@pytest.fixture
def leaks() -> Iterator[tuple[str, list[str]]]:
    """A loopback server's URL and the paths that were asked of it."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()
        thread.join()


def corpus(leak: str) -> str:
    return "\n\n".join(text.replace("RUN", RUN).replace("LEAK", leak) for text in HOSTILE)


def talk(text: str, *, sole: bool = False, pause: float = 0.0) -> str:
    return TALK.format(text=text, sole=sole, pause=pause, tools="" if sole else TOOLS)


def requests_of(page: LabPage, lab: Lab) -> list[str]:
    """What the page asks for from now on, of anyone but its own server."""
    foreign: list[str] = []
    own = (lab.url, lab.url.replace("http", "ws"), "data:", "blob:")

    def note(request: Request) -> None:
        if not request.url.startswith(own):
            foreign.append(request.url)

    lab.on_browser(lambda: page.page.on("request", note))
    return foreign


def ran(page: LabPage) -> bool:
    page.js("await new Promise(done => setTimeout(done, 300)); return true")
    return bool(page.js("return window.pwned"))


def test_hostile_text_neither_runs_nor_fetches(lab: Lab, leaks: tuple[str, list[str]]) -> None:
    leak, asked = leaks
    page = lab.open(lab.notebook(talk(corpus(leak)), talk(corpus(leak), sole=True, pause=0.001)))
    foreign = requests_of(page, lab)
    page.run_all()
    assert (ran(page), asked, foreign) == (False, [], [])
    assert "<script>" in page.visible_text(0)
    links = page.js("return [...panel.node.querySelectorAll('.victor-nb-answer a[href]')].map(a => a.href)")
    assert links
    assert [link for link in links if not link.startswith(("https://a.example", leak))] == []


def test_the_same_text_shown_naively_does_both(lab: Lab, leaks: tuple[str, list[str]]) -> None:
    leak, asked = leaks
    source = "\n".join(text for text in corpus(leak).splitlines() if "refresh" not in text and "<base" not in text)
    source = source.encode("utf-8", "replace").decode()
    page = lab.open(lab.notebook(f"from IPython.display import HTML\nHTML({source!r})"))
    page.run_all()
    assert ran(page)
    assert asked


@pytest.mark.parametrize("sole", [True, False])
def test_an_answer_is_visible_while_its_cell_runs_and_one_output_afterwards(lab: Lab, sole: bool) -> None:
    page = lab.open(lab.notebook(talk(FRIENDLY, sole=sole, pause=0.02)))
    page.run_cell(0, wait=False)
    page.wait_until(lambda: "most missing values" in page.visible_text(0))
    assert page.busy
    page.wait_idle()
    shown = [output for output in page.outputs(0) if output.get("data")]
    assert [sorted(output["data"]) for output in shown] == [["text/html", "text/plain"]]
    assert len(page.outputs(0)) == 1 or not sole
    assert "1,520 in (1,024 cached) + 345 out tokens · $0.0012 · 0.8 s" in page.visible_text(0)
    assert ("printed by the tool" in page.visible_text(0)) is not sole


def test_formulas_are_typeset_and_prices_are_not(lab: Lab) -> None:
    page = lab.open(lab.notebook(talk(FRIENDLY)))
    page.run_all()
    page.wait_until(lambda: page.js("return cell(0).node.querySelectorAll('mjx-container').length"))
    assert page.js("return cell(0).node.querySelectorAll('mjx-container').length") == 2
    assert "it costs $5 or $6" in page.visible_text(0)


def test_an_answer_survives_a_restart_and_a_reload(lab: Lab) -> None:
    page = lab.open(lab.notebook(talk(FRIENDLY)))
    page.run_all()
    page.restart()
    page.reload()
    page.wait_until(lambda: "Missing values by column" in page.visible_text(0))
    assert page.js("return cell(0).node.querySelectorAll('pre .k').length") > 2
