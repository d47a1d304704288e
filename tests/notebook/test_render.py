"""What becomes of a model's Markdown: it looks right, and nothing in it runs, fetches or lies."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from victor_nb.messages import ChatResponse, Message, ToolCall, ToolResult, Usage
from victor_nb.notebook.answers.render import (
    footer_text,
    plain_text,
    render_footer,
    render_markdown,
    render_reasoning,
    render_segments,
    render_tool_line,
)
from victor_nb.notebook.answers.style import STYLE
from victor_nb.notebook.answers.transcript import Prose
from victor_nb.notebook.conversations.turns import turns_of

ALLOWED = re.compile(
    "div|style|h[1-6]|p|em|strong|s|a|code|pre|span|[uo]l|li|table|thead|tbody|tr|t[hd]|br|hr|blockquote|details|summary|sup"
)
ATTRIBUTES = {"class", "href", "target", "rel", "start"}
HOSTILE = st.one_of(
    st.sampled_from("<>&\"'`*_[]()!$\\\n\x00\x1b\u202e\ud800#-|:~= "),
    st.sampled_from(
        [
            "<script>",
            "onerror=",
            "javascript:",
            "data:",
            "](",
            "![",
            "$$",
            "\\(",
            "\\begin{a}",
            "```",
            "[^1]",
            "[^1]: ",
            "- [x] ",
        ]
    ),
    st.text(max_size=2),
)


class Audit(HTMLParser):
    """Collects all elements and attributes that a browser would see."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def assert_harmless(self) -> None:
        for tag, attributes in self.tags:
            styles = {name for name in attributes if name not in ATTRIBUTES}
            assert ALLOWED.fullmatch(tag)
            assert styles <= {"style"}
            assert not styles or (attributes["style"] or "").startswith("text-align:")
            assert (attributes.get("href") or "https://").lower().startswith(("http://", "https://", "mailto:"))


def body(markdown: str) -> str:
    return render_markdown(markdown).removeprefix(f'<div class="victor-nb-answer">{STYLE}').removesuffix("</div>")


def response(**changes: object) -> ChatResponse:
    values = {"content": "hi", "usage": Usage(120, 45), "model": "gpt-5", "provider": "openai", "duration_s": 0.84}
    return ChatResponse(**{"session_id": "s", "turn_id": "t", **values, **changes})


def test_markdown_becomes_html() -> None:
    html = body("# Title\n\nSome *text* ~~gone~~\n\n| a | b |\n|--:|---|\n| 1 | 2 |\n\n3. three\n")
    assert "<h1>Title</h1>" in html
    assert "<em>text</em> <s>gone</s>" in html
    assert '<th style="text-align:right">a</th>' in html
    assert '<ol start="3">' in html


def test_the_answer_is_one_element_with_its_small_style_sheet() -> None:
    html = render_markdown("hello")
    assert html.startswith('<div class="victor-nb-answer"><style>')
    assert html.endswith("<p>hello</p>\n</div>")
    assert len(STYLE) < 2_200


@pytest.mark.parametrize("url", ["https://a.example/x?y=1#z", "http://a.example", "HTTPS://a.example", "mailto:a@b.c"])
def test_a_web_link_opens_elsewhere_and_says_nothing_of_us(url: str) -> None:
    (_, attributes), *_ = [tag for tag in Audit(body(f"[x]({url})")).tags if tag[0] == "a"]
    assert (attributes["href"] or "").lower().startswith(url.lower()[:6])
    assert attributes["rel"] == "noopener noreferrer"
    assert attributes["target"] == "_blank"


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "&#106;avascript:alert(1)",
        "java\tscript:alert(1)",
        "\x01javascript:alert(1)",
        "vbscript:x",
        "data:text/html,<script>alert(1)</script>",
        "data:image/svg+xml,<svg onload=alert(1)>",
        "file:///etc/passwd",
        "blob:https://a/b",
        "//evil.example/x",
        "/logout",
        "files/evil.html",
        "#fragment",
        "?reset",
        "https:",
        "https://a@b:c",
        "https://bank.example@a.example/",
        "https://a.example:99999",
        "http://1.2.3.4.5/",
        "https://xn--zz.example",
    ],
)
@pytest.mark.parametrize("form", ["[x]({})", "![x]({})", "<{}>", "[x][r]\n\n[r]: {}", "![x][r]\n\n[r]: {}"])
def test_no_other_address_becomes_a_link(url: str, form: str) -> None:
    audit = Audit(body(form.format(url)))
    assert not [attributes for _, attributes in audit.tags if "href" in attributes]
    audit.assert_harmless()


def test_a_note_is_a_number_and_a_paragraph_at_the_end_without_an_address_in_the_page() -> None:
    html = body("Said[^a], and again[^a][^b]; not [^0-9].\n\n[^b]: second\n[^a]: *first*\n[^c]: never\n\nThe end.")
    assert html.startswith("<p>Said<sup>1</sup>, and again<sup>1</sup><sup>2</sup>; not [^0-9].</p>\n<p>The end.</p>\n")
    assert html.endswith('<ol class="notes">\n<li><p><em>first</em></p>\n</li>\n<li><p>second</p>\n</li>\n</ol>\n')


def test_a_task_has_a_box_that_is_no_control() -> None:
    html = body("- [ ] open\n- [x] *done*\n- [ ]\n- [x](https://a.example)\n")
    assert '<li class="task">☐ open</li>' in html
    assert '<li class="task">☑ <em>done</em></li>' in html
    assert html.count("☐") + html.count("☑") == 2


def test_an_image_is_a_link_and_its_data_is_dropped() -> None:
    assert "[image: a cat]</a>" in body("![a *cat*](https://a.example/c.png)")
    assert "<img" not in body("![a](https://a.example/c.png)")
    assert body("![dot](data:image/png;base64,iVBORw0KGgo=)") == "<p><a>[image: dot]</a></p>\n"


def test_html_is_text() -> None:
    assert body("<img src=x onerror=alert(1)>") == "<p>&lt;img src=x onerror=alert(1)&gt;</p>\n"


def test_code_is_coloured_by_kind_and_stays_whole() -> None:
    html = body('```python\ndef f(x):\n    return "<b>" + 1  # why\n```')
    assert '<span class="k">def</span> <span class="f">f</span>' in html
    assert '<span class="s">"&lt;b&gt;"</span>' in html
    assert Audit(html).text == 'def f(x):\n    return "<b>" + 1  # why\n\n'


@pytest.mark.parametrize("language", ["", "nosuch", '"><script>', "python onload=x", "{.python}", "\u202e"])
def test_any_fence_language_is_harmless(language: str) -> None:
    audit = Audit(body(f"```{language}\n<script>1</script>\n```"))
    audit.assert_harmless()
    assert "<script>1</script>" in audit.text


def test_a_reversed_line_of_code_shows_what_it_does() -> None:
    assert "&lt;U+202E&gt;" in body("```python\nx = 'a\u202e b'\n```")


@pytest.mark.parametrize(
    "formula",
    [
        "$a_1 * b_2 * c_3$",
        "$$\na_1\n= b_2\n- c\n$$",
        r"\(x_i^*\)",
        "\\[\n\\frac{a}{b}\n\\]",
        r"\begin{align}a&=b\end{align}",
    ],
)
def test_a_formula_reaches_mathjax_as_one_untouched_text(formula: str) -> None:
    audit = Audit(body(f"Before _it_\n\n{formula}\n\nafter"))
    assert formula in audit.text
    assert [tag for tag, _ in audit.tags if tag in {"em", "h1", "ul", "li"}] == ["em"]


def test_prices_are_not_formulas() -> None:
    assert body("from $5 to $6") == "<p>from <span>$</span>5 to <span>$</span>6</p>\n"


@pytest.mark.parametrize("macro", [r"\href{javascript:alert(1)}{x}", r"\def\frac{x}", r"\style{position:fixed}{x}"])
def test_a_formula_with_a_dangerous_macro_is_code(macro: str) -> None:
    assert "<code>$\\" in body(f"a ${macro}$")
    assert "<pre><code>$$" in body(f"$$\n{macro}\n$$")
    assert "<span>$</span>" in body(f"$ {macro} $")


@given(st.lists(HOSTILE, max_size=60).map("".join))
def test_any_text_is_harmless_and_can_be_sent(text: str) -> None:
    html = render_markdown(text)
    Audit(html).assert_harmless()
    html.encode()
    plain_text([Prose(text)]).encode()


@given(st.text(max_size=80), st.text(max_size=80), st.text(max_size=80))
def test_any_tool_call_is_harmless(name: str, arguments: str, result: str) -> None:
    call = ToolCall("1", name + "<b>", arguments + "<img src=x>")
    done = ToolResult("1", call.name, call.arguments, result + "<script>", "ok", 0.1)
    html = render_tool_line(call) + render_tool_line(call, done) + render_reasoning(result + "<script>")
    Audit(html).assert_harmless()
    html.encode()


def test_a_tool_line_says_what_ran_and_how_it_ended() -> None:
    call = ToolCall("1", "head", '{"n": 5}')
    assert "… running" in render_tool_line(call)
    assert "✗ denied · 0.2 s" in render_tool_line(call, ToolResult("1", "head", "{}", "no", "denied", 0.2))


def test_a_call_of_which_nothing_is_on_record_claims_nothing() -> None:
    call = ToolCall("c", "head", "{}")
    log = [Message("user", "Look", turn_id="t"), Message("assistant", "", (call,), turn_id="t")]
    log.append(Message("tool", "3 rows", tool_call_id="c", turn_id="t"))
    (turn,) = turns_of(log)
    assert "<code>head({})</code> · ended</summary>" in render_segments(turn.segments)
    (turn,) = turns_of(log, {"c": ToolResult("c", "head", "{}", "", "error", 0.5)})
    assert "✗ failed · 0.5 s" in render_segments(turn.segments)


def test_a_giant_result_is_capped() -> None:
    html = render_tool_line(ToolCall("1", "f", "{}"), ToolResult("1", "f", "{}", "x" * 1_000_000, "ok", 1))
    assert len(html) < 5_000
    assert "996,000 more characters" in html


def test_text_plain_is_the_text_without_what_drives_a_terminal() -> None:
    shown = plain_text([Prose("**bold** \x1b]52;c;aGk=\x07 and \x9b31m\r\n")], "footer")
    assert shown == "**bold** ]52;c;aGk= and 31m\n\nfooter"


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"cost_usd": 0.00123}, "gpt-5 · 120 in + 45 out tokens · $0.0012 · 0.8 s"),
        ({}, "gpt-5 · 120 in + 45 out tokens · cost unknown · 0.8 s"),
        ({"cost_usd": 0.000001}, "gpt-5 · 120 in + 45 out tokens · < $0.0001 · 0.8 s"),
        (
            {"usage": Usage(5000, 1, cached_tokens=4096), "cost_usd": 12.5},
            "gpt-5 · 5,000 in (4,096 cached) + 1 out tokens · $12.50 · 0.8 s",
        ),
        (
            {"usage": Usage(9, 2, source="estimated"), "status": "interrupted"},
            "gpt-5 · ≈ 9 in + 2 out tokens · cost unknown · 0.8 s · interrupted",
        ),
        (
            {"model": "demo", "provider": "demo", "usage": Usage(120, 45, source="unmeasured")},
            "demo (not a model) · ≈ 120 in + 45 out tokens · no cost · 0.8 s",
        ),
    ],
)
def test_the_footer_tells_unknown_from_nothing(changes: dict[str, object], line: str) -> None:
    assert footer_text(response(**changes)) == line


def test_a_model_name_cannot_break_out_of_the_footer() -> None:
    Audit(render_footer(response(model="<script>\n\u202e$x$"))).assert_harmless()
