"""How full the model's window is, by role: a bar with marks where the conversation is made smaller and down to what,
and the same in numbers below it."""

from __future__ import annotations

from typing import Final

from victor_nb.frames.dashboard_numbers import percent
from victor_nb.frames.dashboard_view import table, text
from victor_nb.notebook.conversations.state import ConversationState, Share

_COLOURS: Final = {
    "user": "var(--jp-brand-color1,#2a7fc0)",
    "assistant": "var(--jp-warn-color1,#d98a00)",
    "tool": "var(--jp-success-color1,#3d9a4a)",
    "system prompt": "#9a6dd7",
    "tools": "var(--jp-info-color1,#35aebf)",
}
_OTHER: Final = "var(--jp-border-color1,#888)"
_RULES: Final = """
.victor-nb-window{position:relative;display:flex;height:18px;max-width:44em;margin:8px 0 4px;overflow:hidden;\
border:1px solid var(--jp-border-color1,#8888);border-radius:4px;background:var(--jp-layout-color2,#8882)}
.victor-nb-window>i{position:absolute;top:0;bottom:0;width:0;border-left:2px solid var(--jp-error-color1,#d33)}
.victor-nb-window>i.target{border-left:2px dotted var(--jp-ui-font-color1,#888)}
.victor-nb-key{display:inline-block;width:.75em;height:.75em;margin-right:.4em;border-radius:2px}
"""
STYLE: Final = f"<style>{_RULES.replace(chr(10), '')}</style>"


def window_bar(state: ConversationState) -> str:
    """HTML, without the style sheets of its class and of the dashboard."""
    lines = "".join(f"<div>{text(line, 200)}</div>" for line in state.lines)
    return f"{lines}{_bar(state)}{_marks(state)}{_shares(state)}"


def _bar(state: ConversationState) -> str:
    limits = state.limits
    whole = max(limits.window if limits else 0, state.tokens, sum(share.tokens for share in state.shares), 1)
    parts = "".join(_part(share, share.tokens / whole) for share in state.shares)
    marks = [("", limits.threshold), ("target", limits.target)] if limits else []
    lines = "".join(f'<i class="{kind}" style="left:{min(at / whole, 1):.2%}"></i>' for kind, at in marks)
    words = "; ".join([*state.lines, *map(_told, state.shares)])
    return f'<div class="victor-nb-window" role="img" aria-label="{text(words, 1000)}">{parts}{lines}</div>'


def _part(share: Share, of_all: float) -> str:
    return f'<div title="{text(_told(share), 100)}" style="width:{of_all:.2%};background:{_colour(share)}"></div>'


def _marks(state: ConversationState) -> str:
    limits = state.limits
    if not limits:
        return ""
    fill = percent(state.tokens / limits.usable) if limits.usable else ""
    kept = limits.window - limits.usable
    return (
        f'<div class="quiet"><span class="bad">┃</span> made smaller here · ┋ down to here · {fill} of what it may take'
        f"{f' · {kept:,} are kept for the answer' if kept else ''}</div>"
    )


def _shares(state: ConversationState) -> str:
    rows = [
        [
            f'<span class="victor-nb-key" style="background:{_colour(share)}"></span>{text(share.name)}',
            "" if share.messages is None else f"{share.messages:,}",
            f"{share.tokens:,}",
            percent(share.tokens / state.limits.window) if state.limits else "",
        ]
        for share in state.shares
    ]
    return table(["role", "messages", "tokens", "of the window"], rows) if rows else ""


def _told(share: Share) -> str:
    return f"{share.name}: {share.tokens:,} tokens"


def _colour(share: Share) -> str:
    return _COLOURS.get(share.name, _OTHER)
