"""What the Context panel lists of a conversation, as HTML: compactions, what is not sent any more, what a search found.
Lists are bounded, newest first, and say how much more there is.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from victor_nb.frames.dashboard_numbers import counted
from victor_nb.frames.dashboard_view import bad, table, text
from victor_nb.notebook.conversations.listing import said
from victor_nb.notebook.panels.excerpts import excerpt

if TYPE_CHECKING:
    from victor_nb.context.attempt import CompactionPreview
    from victor_nb.context.compaction import CompactionRecord
    from victor_nb.context.search import SearchHit
    from victor_nb.messages import Message

_MOST: Final = 12
_REASONS: Final = {
    "undo": "undone",
    "turn_replaced": "its turn was run again",
    "turn_failed": "its turn failed",
    "reset": "reset",
}


def records(found: Sequence[CompactionRecord]) -> str:
    rows = [
        [
            f"{datetime.fromtimestamp(record.timestamp_us / 1e6, UTC):%d %b %H:%M:%S}",
            text(record.trigger),
            excerpt(record.strategy, 40),
            _outcome(record),
            f"{record.tokens_before:,} → {record.tokens_after:,}",
            f"{record.messages_removed:,}",
        ]
        for record in list(found)[: -_MOST - 1 : -1]
    ]
    heads = ["when, UTC", "why", "strategy", "what came of it", "tokens", "messages less"]
    return _titled("Compactions", heads, rows, len(found), words=4)


def not_sent(log: Sequence[Message], view: Sequence[Message]) -> str:
    """Messages of the log that requests leave out, or send shortened."""
    shown = {message.id: message for message in view}
    left = [(number, one) for number, one in enumerate(log) if _fate(one, shown.get(one.id))]
    rows = [
        [f"{number}", text(one.role), _fate(one, shown.get(one.id)), excerpt(said(one), 84)]
        for number, one in left[: -_MOST - 1 : -1]
    ]
    gone = sum(one.id not in shown for one in log)
    note = f"{gone:,} dropped or folded, {len(left) - gone:,} shortened; search finds them all"
    return _titled("Not sent as it was", ["number", "role", "how", "text"], rows, len(left), words=4, note=note)


def hits(words: str, found: Sequence[SearchHit]) -> str:
    if not found:
        return f'<div class="quiet">No message holds “{excerpt(words, 60)}”.</div>'
    rows = [
        [f"{hit.index}", text(hit.message.role), _sent(hit), excerpt(hit.excerpt, 140)]
        for hit in found[: -_MOST - 1 : -1]
    ]
    heads = ["number", "role", "sent", "text"]
    return _titled(counted(len(found), "message"), heads, rows, len(found), words=4)


def preview(found: CompactionPreview) -> str:
    """What a compaction would do, and the messages that it would take out and put in."""
    if found.error:
        return bad(f"The strategy {excerpt(found.strategy, 40)} failed: {excerpt(found.error, 200)}")
    if found.outcome != "completed":
        return f"Compact would do nothing now: {excerpt(found.strategy, 40)} finds nothing to leave out."
    told = f"Compact would bring it from about {found.tokens_before:,} tokens to {found.tokens_after:,}"
    note = f" ({excerpt(found.note, 120)})" if found.note else ""
    changes = [("in", one) for one in found.added] + [("out", one) for one in found.removed]
    rows = [[how, text(one.role), excerpt(said(one), 84)] for how, one in changes[:_MOST]]
    more = f'<div class="quiet">and {len(changes) - len(rows):,} more</div>' if len(changes) > len(rows) else ""
    listed = f'<div class="wide">{table(["", "role", "text"], rows, text=3)}</div>{more}' if rows else ""
    return f"{told}, by {excerpt(found.strategy, 40)}{note}.{listed}"


def _outcome(record: CompactionRecord) -> str:
    if record.undone:
        return f'<span class="quiet">{_REASONS.get(record.undone, record.undone)}</span>'
    if record.outcome == "failed":
        return bad(f"failed: {text(record.error_type)}")
    done = "made smaller" if record.outcome == "completed" else "nothing to do"
    repaired = ", repaired" if record.repaired else ""
    note = f'<div class="quiet">{excerpt(record.note, 100)}</div>' if record.note else ""
    return f"{done}{repaired}{note}"


def _fate(message: Message, sent: Message | None) -> str:
    return "left out" if sent is None else "" if sent.content == message.content else "shortened"


def _sent(hit: SearchHit) -> str:
    return ("shortened" if hit.shortened else "yes") if hit.in_view else "no"


def _titled(
    name: str, heads: Sequence[str], rows: Sequence[Sequence[str]], number: int, *, words: int, note: str = ""
) -> str:
    """Nothing without rows."""
    if not rows:
        return ""
    more = f"the latest {len(rows)} of {number:,}" if number > len(rows) else ""
    told = " · ".join(part for part in (note, more) if part)
    return f'<h4>{name} <span class="quiet">{told}</span></h4><div class="wide">{table(heads, rows, text=words)}</div>'
