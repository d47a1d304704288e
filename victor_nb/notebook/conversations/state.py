"""What `%victor context` and `vn.conversation` show of a conversation: how much of the window it takes, and what of it
is pinned or was made smaller. A picture of one moment, as plain text and as a table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Final

from victor_nb.notebook.answers.render import line_html, wrap

if TYPE_CHECKING:
    from victor_nb.agent.coordinators import ContextCoordinator
    from victor_nb.context.compaction import Limits, WindowSource

_SOURCES: Final[dict[WindowSource, str]] = {
    "settings": "set",
    "profile": "the model's",
    "fallback": "assumed: set context_window",
    "overflow": "the provider takes no more",
}


@dataclass(frozen=True)
class Share:
    """The messages of one role, or what goes along with every request; `messages` is None for that."""

    name: str
    messages: int | None
    tokens: int


@dataclass(frozen=True)
class ConversationState:
    """`tokens` are those of the next request, about; `limits` is None until the first request."""

    session_id: str
    logged: int
    sent: int
    tokens: int
    shares: tuple[Share, ...]
    limits: Limits | None = None
    pinned: int = 0
    compactions: int = 0
    undone: int = 0

    @classmethod
    def of(cls, coordinator: ContextCoordinator, session_id: str) -> ConversationState:
        from victor_nb.context.tokens import estimate_message

        conversation = coordinator.conversation(session_id)
        view, meter, records = conversation.view, conversation.meter, conversation.records
        tokens: dict[str, list[int]] = {}
        for message in view:
            tokens.setdefault(message.role, []).append(estimate_message(message))
        system, tools = meter.overhead()
        return cls(
            session_id,
            logged=len(conversation.log),
            sent=len(view),
            tokens=conversation.tokens(),
            shares=(
                *(Share(role, len(found), meter.share(sum(found))) for role, found in tokens.items()),
                *([Share("system prompt", None, system)] if system else []),
                *([Share("tools", None, tools)] if tools else []),
            ),
            limits=meter.limits,
            pinned=sum(message.pinned for message in conversation.log),
            compactions=sum(record.outcome == "completed" for record in records),
            undone=sum(record.undone is not None for record in records),
        )

    @property
    def lines(self) -> list[str]:
        limits = self.limits
        return [
            f"Session {self.session_id}: {_counted(self.logged, 'message')}{self._left_out()}, {self._taken()}",
            f"It is made smaller at {limits.threshold:,} tokens, down to {limits.target:,}."
            if limits
            else "The model's window is known with the first answer.",
            f"{self.pinned} pinned · {_counted(self.compactions, 'compaction')}{self._undone()}",
        ]

    def _taken(self) -> str:
        if not self.limits:
            return f"about {self.tokens:,} tokens."
        source = _SOURCES[self.limits.source]
        return f"about {self.tokens:,} of {self.limits.window:,} tokens (window: {source})."

    def _left_out(self) -> str:
        return f" ({self.sent} sent)" if self.sent != self.logged else ""

    def _undone(self) -> str:
        return f", {self.undone} undone" if self.undone else ""

    def __repr__(self) -> str:
        names = max([4, *(len(share.name) for share in self.shares)])
        table = [f"{share.name:<{names}}  {_number(share.messages):>8}  {share.tokens:>9,}" for share in self.shares]
        head = [f"{'role':<{names}}  messages     tokens"] if table else []
        return "\n".join([*self.lines, *head, *table])

    def _repr_html_(self) -> str:
        return self.as_html()

    def as_html(self) -> str:
        rows = "".join(_row("td", [share.name, _number(share.messages), f"{share.tokens:,}"]) for share in self.shares)
        table = f"<table>{_row('th', ['role', 'messages', 'tokens'])}{rows}</table>" if rows else ""
        return wrap("".join(f"<div>{line_html(line)}</div>" for line in self.lines) + table)


def _row(tag: str, cells: Sequence[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{escape(cell)}</{tag}>' for cell in cells)}</tr>"


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
