"""The log of a conversation: its passages in order, and its messages by id with what each is estimated to cost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from victor_nb.context.journal import Passage
from victor_nb.context.passages import log_of, undo
from victor_nb.context.tokens import estimate_message
from victor_nb.messages import Message


class ConversationLog:
    """`known` holds the messages of the passages by id, and those of a turn in progress beside them."""

    def __init__(self, messages: Iterable[Message] = ()) -> None:
        self.passages: list[Passage] = []
        self.known: dict[str, Message] = {}
        self._costs: dict[str, int] = {}
        self._keys: set[str] = set()
        for message in messages:
            self.know(message)

    def copy(self) -> ConversationLog:
        """Messages are frozen, and shared."""
        twin = ConversationLog()
        twin.passages = [replace(passage, items=list(passage.items)) for passage in self.passages]
        twin.known, twin._costs, twin._keys = dict(self.known), dict(self._costs), set(self._keys)
        return twin

    def know(self, message: Message) -> None:
        self.known[message.id] = message
        self._costs[message.id] = estimate_message(message)

    def forget(self, messages: Iterable[Message]) -> None:
        for message in messages:
            self.known.pop(message.id, None)
            self._costs.pop(message.id, None)

    def cost(self, message: Message) -> int:
        """Estimated tokens."""
        known = self.known.get(message.id)
        same = known is message or (
            known is not None
            and known.content is message.content
            and known.tool_calls is message.tool_calls
            and known.images is message.images
        )
        return self._costs[message.id] if same else estimate_message(message)

    def swap(self, passages: Iterable[Passage], old: Message, new: Message) -> Message:
        """Put `new` in the place of `old`, which differs in what costs nothing."""
        self.known[old.id] = new
        for passage in passages:
            passage.items[:] = [new if item is old else item for item in passage.items]
        return new

    def replaced_by(self, key: str | None, execution: str | None) -> list[Passage]:
        """The turns whose place a turn of that cell takes."""
        if key is None or key not in self._keys:
            return []
        return [one for one in self.passages if one.key == key and (execution is None or one.execution != execution)]

    def place_of(self, passage: Passage) -> int:
        """Where the first turn is that it replaces, else behind the turns of the same execution and what was compacted
        after them, else at the end."""
        end = len(self.passages)
        if passage.replaces:
            return next((n for n, one in enumerate(self.passages) if one.turn_id in passage.replaces), end)
        if passage.key is None or passage.key not in self._keys:
            return end
        own = (passage.key, passage.execution)
        behind = (n for n in range(end, 0, -1) if (self.passages[n - 1].key, self.passages[n - 1].execution) == own)
        place = next(behind, end)
        while place < end and self.passages[place].turn_id is None and not self.passages[place].messages:
            place += 1
        return place

    def insert(self, passage: Passage, place: int) -> list[str]:
        """Make it part of the log in the place of what it replaces; what stands behind it stays, but for the effect of
        compactions. Gives their ids."""
        behind = self.passages[place:]
        undone = undo(behind, "turn_replaced")
        old = [one for one in behind if one.turn_id in passage.replaces] if passage.replaces else []
        self.passages[place:] = [passage, *(one for one in behind if one.turn_id not in passage.replaces)]
        if passage.key is not None:
            self._keys.add(passage.key)
        self.forget(log_of(old))
        self._inherit_pins(passage, old)
        return undone

    def _inherit_pins(self, passage: Passage, old: Sequence[Passage]) -> None:
        """What was pinned in a turn stays pinned where its cell says the same again."""
        pinned = {(message.role, message.content) for message in log_of(old) if message.pinned}
        for message in passage.messages if pinned else ():
            if (message.role, message.content) in pinned and not message.pinned:
                self.swap([passage], message, replace(message, pinned=True))
