"""How a `ChatResponse` and a `RequestPreview` show themselves as the value of a cell: safe HTML, and short text.

Registered by the classes' names, so that loading the extension imports neither them nor the renderer. There is no
`_repr_markdown_` on purpose: front ends run the HTML inside Markdown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from victor_nb.agent.preview import RequestPreview
    from victor_nb.messages import ChatResponse

SHOWN_CHARACTERS = 4_000


def register(shell: InteractiveShell) -> None:
    formatters = _formatters(shell)
    for name, (as_html, as_text) in _KNOWN.items():
        formatters["text/html"].for_type_by_name(*name, as_html)
        formatters["text/plain"].for_type_by_name(*name, as_text)


def unregister(shell: InteractiveShell) -> None:
    formatters = _formatters(shell)
    for kind in ("text/html", "text/plain"):
        for name in _KNOWN:
            formatters[kind].pop(".".join(name), None)


def _formatters(shell: InteractiveShell) -> dict[str, Any]:
    return cast("Any", shell).display_formatter.formatters


def _as_html(response: ChatResponse) -> str:
    from victor_nb.notebook.answers.render import render_footer, render_segments, wrap
    from victor_nb.notebook.answers.transcript import transcript_of

    return wrap(render_segments(transcript_of(response).segments) + render_footer(response))


def _as_text(response: ChatResponse, printer: Any, cycle: bool) -> None:
    """The text itself; inside a list or a dictionary, where a text would be lost among its brackets, one line."""
    from victor_nb.notebook.answers.characters import clean
    from victor_nb.notebook.answers.render import footer_text

    text = clean(response.content)
    more = f"… ({len(text) - SHOWN_CHARACTERS:,} more characters)" if len(text) > SHOWN_CHARACTERS else ""
    if len(printer.stack) > 1:
        printer.text(f"<ChatResponse {text[:60]!r}{'…' if len(text) > 60 else ''}>")
    else:
        printer.text(f"{text[:SHOWN_CHARACTERS]}{more}\n\n{footer_text(response)}")


def _preview_html(preview: RequestPreview) -> str:
    from victor_nb.notebook.answers.request_view import preview_html

    return preview_html(preview)


def _preview_text(preview: RequestPreview, printer: Any, cycle: bool) -> None:
    from victor_nb.notebook.answers.request_view import preview_text

    printer.text(preview_text(preview) if len(printer.stack) <= 1 else f"<RequestPreview for {preview.model}>")


_KNOWN: Final = {
    ("victor_nb.messages", "ChatResponse"): (_as_html, _as_text),
    ("victor_nb.agent.preview", "RequestPreview"): (_preview_html, _preview_text),
}
