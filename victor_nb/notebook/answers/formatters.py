"""How a `ChatResponse` and a `RequestPreview` show themselves as the value of a cell: safe HTML, and short text.

Registered by the classes' names, so that loading the extension imports neither them nor the renderer. There is no
`_repr_markdown_` on purpose: front ends run the HTML inside Markdown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from victor_nb.agent.preview import RequestPreview
    from victor_nb.messages import ChatResponse

SHOWN_CHARACTERS = 4_000
_REMEMBERED: Final = 100
_streamed: dict[str, str] = {}
"""The answers that have streamed below a cell: turn, and the message that asked for that cell's run."""


def note_streamed(response: ChatResponse, request: Mapping[str, Any]) -> None:
    """This answer stands below the cell that was asked for by `request`: as that cell's value it is not shown again."""
    _streamed[response.turn_id] = str(request.get("header", {}).get("msg_id", ""))
    while len(_streamed) > _REMEMBERED:
        del _streamed[next(iter(_streamed))]


def _stands_above(response: ChatResponse) -> bool:
    from IPython.core.getipython import get_ipython

    parent: dict[str, Any] = getattr(get_ipython(), "get_parent", dict[str, Any])()
    return _streamed.get(response.turn_id) == parent.get("header", {}).get("msg_id", "-")


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


def _as_html(response: ChatResponse) -> str | None:
    if _stands_above(response):
        return None
    from victor_nb.notebook.answers.render import render_footer, render_segments, wrap
    from victor_nb.notebook.answers.transcript import transcript_of

    return wrap(render_segments(transcript_of(response).segments) + render_footer(response))


def _as_text(response: ChatResponse, printer: Any, cycle: bool) -> None:
    """The text itself; inside a list or a dictionary, where a text would be lost among its brackets, one line."""
    from victor_nb.notebook.answers.characters import clean
    from victor_nb.notebook.answers.render import footer_text

    text = clean(response.content)
    if _stands_above(response):
        printer.text(f"<ChatResponse of {response.model}, shown above>")
        return
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
