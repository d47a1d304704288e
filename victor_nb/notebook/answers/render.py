"""An answer as `text/html` and `text/plain`: its Markdown, folded tool calls and thoughts, and the footer.

Whatever comes from a model or a tool is hostile here: it is escaped, capped and never fetched. Streaming
(`stream.py`) shows parts of an answer through the same functions, so that the end looks like the way there.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from html import escape

from victor_nb.messages import ChatResponse, ToolCall, ToolResult, ToolStatus
from victor_nb.notebook.answers.characters import clean, show_bidi
from victor_nb.notebook.answers.footnotes import Definitions
from victor_nb.notebook.answers.markdown import code_to_html, markdown_to_html
from victor_nb.notebook.answers.mathematics import without_formulas
from victor_nb.notebook.answers.style import STYLE
from victor_nb.notebook.answers.transcript import Prose, Segment, Thought, Verbatim

SHOWN_OF_ARGUMENTS = 60
SHOWN_OF_RESULT = 4_000
SHOWN_OF_REASONING = 8_000
SHOWN_WHILE_RUNNING = 400

_MARKS: dict[ToolStatus, str] = {
    "ok": "✓",
    "error": "✗ failed",
    "denied": "✗ denied",
    "unknown_tool": "✗ no such tool",
    "invalid_arguments": "✗ invalid arguments",
    "interrupted": "✗ interrupted",
}


def render_markdown(text: str) -> str:
    """Safe HTML of an answer's Markdown, in one `<div class="victor-nb-answer">` with its style sheet."""
    return wrap(markdown_to_html(text))


def wrap(body: str, *, styled: bool = True) -> str:
    """The element around every answer. A page needs the style sheet once, so that pieces can do without."""
    return f'<div class="victor-nb-answer">{STYLE if styled else ""}{body}</div>'


def render_segments(segments: Iterable[Segment]) -> str:
    """The HTML of a transcript's segments, in order, without the wrapper."""
    return "".join(render_segment(segment) for segment in segments)


def render_segment(segment: Segment, shared: Definitions | None = None) -> str:
    """One of them. The last piece of a text that was begun elsewhere is given what its pieces `shared`."""
    if isinstance(segment, Prose):
        return markdown_to_html(segment.text, shared)
    if isinstance(segment, Verbatim):
        return code_to_html(clean(segment.text), segment.language)
    if isinstance(segment, Thought):
        return render_reasoning(segment.text, running=segment.running)
    return render_tool_line(segment.call, segment.result)


def render_tool_line(call: ToolCall, result: ToolResult | None = None) -> str:
    """One folded line for a tool call; arguments and result, capped, unfold."""
    title = f"<code>{_code(call.name, 80)}({_code(call.arguments, SHOWN_OF_ARGUMENTS)})</code>"
    inside = f"<pre>{_code(call.arguments, SHOWN_OF_RESULT)}</pre>"
    if result and result.result:
        inside += f"<pre>{_code(result.result, SHOWN_OF_RESULT)}</pre>"
    return f"<details><summary>{title} {_tool_state(result)}</summary>{inside}</details>\n"


def _tool_state(result: ToolResult | None) -> str:
    if result is None:
        return "… running"
    if math.isnan(result.duration_s):
        return "· ended"  # how and when is not on record
    mark = _MARKS[result.status]
    return mark if result.status == "interrupted" else f"{mark} · {_seconds(result.duration_s)}"


def render_reasoning(text: str, *, running: bool = False) -> str:
    """The model's reasoning, folded; while it is `running`, how long it is and its end."""
    shown = _code(
        f"…{text[-SHOWN_WHILE_RUNNING:]}" if running and len(text) > SHOWN_WHILE_RUNNING else text, SHOWN_OF_REASONING
    )
    state = f" … {len(text.split()):,} words so far" if running else ""
    return f"<details><summary>Reasoning{state}</summary><pre>{shown}</pre></details>\n"


def render_note(text: str) -> str:
    """A line of ours in an answer, as when it is incomplete."""
    return f'<div class="note">{line_html(text)}</div>'


def line_html(text: str) -> str:
    """A text of ours as HTML: it may hold words of others, such as a provider's error or the name of a session."""
    return without_formulas(escape(show_bidi(clean(text))))


def render_footer(response: ChatResponse, *, detailed: bool = False) -> str:
    """`footer_text` as one small muted line."""
    text = footer_text(response, detailed=detailed)
    return f'<div class="footer">{line_html(text)}</div>'


def footer_text(response: ChatResponse, *, detailed: bool = False) -> str:
    """`model · 120 in + 45 out tokens · $0.0012 · 0.8 s`; says so when the cost is unknown, the tokens are
    estimated, the answer is incomplete, or no model gave it. With `detailed`, also how it came about."""
    demo = response.provider == "demo" or response.usage.source == "unmeasured"
    name = _inline(response.model, 80)
    state = {"ok": "", "error": "failed", "interrupted": "interrupted"}[response.status]
    parts = [
        f"{name} (not a model)" if demo else name,
        _tokens(response),
        "no cost" if demo and response.cost_usd is None else _cost(response.cost_usd),
        _seconds(response.duration_s),
        state,
        *(_details(response) if detailed else ()),
    ]
    return " · ".join(part for part in parts if part)


def _details(response: ChatResponse) -> Iterator[str]:
    calls, failed = len(response.tool_calls), sum(call.status != "ok" for call in response.tool_calls)
    yield _counted(response.requests, "request")
    yield _counted(calls, "tool call") + (f" ({failed} failed)" if failed else "")
    if response.context_fraction is not None:
        yield f"{response.context_fraction:.0%} of the window"
    yield f"session {_inline(response.session_id, 80)}"


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _tokens(response: ChatResponse) -> str:
    usage = response.usage
    about = "" if usage.source == "reported" else "≈ "
    cached = f" ({usage.cached_tokens:,} cached)" if usage.cached_tokens else ""
    return f"{about}{usage.input_tokens:,} in{cached} + {usage.output_tokens:,} out tokens"


def _cost(usd: float | None) -> str:
    if usd is None:
        return "cost unknown"
    if usd == 0:
        return "$0"
    return f"${usd:,.2f}" if usd >= 1 else f"${usd:.2g}" if usd >= 0.0001 else "< $0.0001"


def _seconds(value: float) -> str:
    return f"{value:.1f} s"


def plain_text(segments: Iterable[Segment], *last_lines: str) -> str:
    """The `text/plain` twin: the text as the model wrote it, a line per tool call, and the closing lines."""
    parts = [_plain_segment(segment) for segment in segments]
    return "\n\n".join(part for part in [*parts, *last_lines] if part)


def _plain_segment(segment: Segment) -> str:
    if isinstance(segment, Prose | Verbatim):
        return clean(segment.text).strip("\n")
    if isinstance(segment, Thought):
        return ""
    return tool_text(segment.call, segment.result)


def tool_text(call: ToolCall, result: ToolResult | None = None) -> str:
    """A tool call as one line of plain text."""
    return f"[{_inline(call.name, 80)}({_inline(call.arguments, SHOWN_OF_ARGUMENTS)}) {_tool_state(result)}]"


def _code(text: str, limit: int) -> str:
    return escape(show_bidi(_cap(clean(text), limit)))


def _inline(text: str, limit: int) -> str:
    return show_bidi(" ".join(_cap(clean(text), limit).split()))


def _cap(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text) - limit:,} more characters)"
