"""A `RequestPreview` as `text/html` and `text/plain`: a line that sums it up, and all that would be sent, folded.

What stands in messages, tools and settings comes from anywhere: it is escaped, and long texts are cut, which is said.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Final

from victor_nb.notebook.answers.characters import clean, show_bidi
from victor_nb.notebook.answers.render import line_html, render_note, wrap

if TYPE_CHECKING:
    from victor_nb.agent.preview import RequestPreview
    from victor_nb.messages import JsonValue, Message, ToolSpec

MOST_SHOWN: Final = 20_000
"""Characters of one message or tool."""
_LINE: Final = 100


def preview_html(preview: RequestPreview) -> str:
    parts = [f"<div>{line_html(preview.summary)}</div>", *map(render_note, preview.remarks)]
    parts += [_folded(_title(message), _body(message)) for message in preview.messages]
    parts += [_folded(f"tool {tool.name}", _tool(tool)) for tool in _tools(preview)]
    parts.append(_folded("settings", _settings(preview.settings)))
    return wrap("".join(parts))


def preview_text(preview: RequestPreview) -> str:
    heads = [f"[{_title(message)}] {_first_line(message)}" for message in preview.messages]
    tools = ", ".join(tool.name for tool in _tools(preview)) or "none"
    ends = [f"[tools] {tools}", f"[settings] {_settings(preview.settings)}"]
    return "\n".join(clean(line) for line in [preview.summary, *preview.remarks, *heads, *ends])


def _tools(preview: RequestPreview) -> tuple[ToolSpec, ...]:
    return (*preview.tools, preview.output_tool) if preview.output_tool else preview.tools


def _title(message: Message) -> str:
    calls = "".join(f", calls {call.name}" for call in message.tool_calls)
    of = f" {message.tool_name}" if message.tool_name else ""
    pictures = f", {len(message.images)} picture{'' if len(message.images) == 1 else 's'}" if message.images else ""
    return f"{message.role}{of}: {len(message.content):,} characters{calls}{pictures}"


def _body(message: Message) -> str:
    calls = (f"{call.name}({call.arguments})" for call in message.tool_calls)
    pictures = (f"[{image.media_type}, {len(image.data):,} bytes]" for image in message.images)
    return "\n".join(part for part in [message.content, *calls, *pictures] if part)


def _first_line(message: Message) -> str:
    line = " ".join(message.content[: 4 * _LINE].split())
    return line if len(line) <= _LINE else f"{line[: _LINE - 1]}…"


def _tool(tool: ToolSpec) -> str:
    return f"{tool.description}\n\n{json.dumps(tool.parameters, indent=2, ensure_ascii=False)}".strip()


def _settings(settings: Mapping[str, JsonValue]) -> str:
    return json.dumps(dict(settings), ensure_ascii=False, default=str)


def _folded(title: str, body: str) -> str:
    return f"<details><summary>{line_html(title)}</summary><pre>{_shown(body)}</pre></details>\n"


def _shown(text: str) -> str:
    more = len(text) - MOST_SHOWN
    return escape(show_bidi(clean(text if more <= 0 else f"{text[:MOST_SHOWN]}… ({more:,} more characters)")))
