"""`vn.conversation`: the conversation that this notebook is in, to look at and to steer from Python cells. Its methods
wait for what they start, also in a cell that awaits; nothing of it is kept here, so that it is never out of date.
"""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, cast

from victor_nb.errors import UsageError, did_you_mean
from victor_nb.messages import Message
from victor_nb.notebook.conversations.last_question import SentQuestion
from victor_nb.notebook.conversations.listing import listed
from victor_nb.notebook.conversations.state import ConversationState
from victor_nb.notebook.kernel.waiting import wait

if TYPE_CHECKING:
    import pandas as pd

    from victor_nb.agent.coordinators import ContextCoordinator
    from victor_nb.agent.orchestrator import AgentOrchestrator
    from victor_nb.context.attempt import CompactionPreview
    from victor_nb.context.compaction import CompactionRecord, CompactionRecords
    from victor_nb.context.conversation import Conversation


class NotebookConversation:
    """The current session's conversation. Shown in a cell, it tells its size, pins and compactions.

    Messages are pointed at by their number in `to_dataframe()` (from 0; from -1 at the end), by themselves, by their
    id, or by words that only one of them holds.
    """

    def __init__(self, orchestrator: Callable[[], AgentOrchestrator]) -> None:
        self._orchestrator = orchestrator

    @property
    def session_id(self) -> str:
        return self._orchestrator().session_id

    @property
    def messages(self) -> tuple[Message, ...]:
        """All messages, oldest first, also those that requests no longer send."""
        return self._conversation.log

    @property
    def turn_ids(self) -> tuple[str, ...]:
        """The turns, in order."""
        return self._conversation.turn_ids

    @property
    def last_question(self) -> SentQuestion | None:
        """What was last sent, with the values of its expressions; None when nothing was."""
        return SentQuestion.last_of(self._conversation)

    @property
    def state(self) -> ConversationState:
        """What this shows in a cell, as it is now."""
        return ConversationState.of(self._context, self.session_id)

    def to_dataframe(self) -> pd.DataFrame:
        """A row per message: number, turn, role, text, tokens (about), sent (`whole`, `shortened`, or `no`), pinned,
        message_id. The dtypes are the same when there is none."""
        return listed(self._conversation, self.messages)

    def compact(self) -> CompactionRecord:
        """Make it smaller now. The record says what came of it.

        Raises:
            AnswerInterrupted: the user interrupted; nothing has changed.
        """
        return wait(self._context.force_compact(self.session_id))

    def undo(self) -> CompactionRecord | None:
        """Undo the last compaction that counts; None when there is none."""
        return self._context.undo(self.session_id)

    def preview(self) -> CompactionPreview:
        """What `compact()` would do; nothing changes."""
        return wait(self._context.preview(self.session_id))

    def pin(self, message: Message | str | int) -> Message:
        """Always send this message as it is.

        Raises:
            UsageError: there is no such message, or several hold these words.
        """
        return self._context.pin(self._pointed_at(message), session_id=self.session_id)

    def unpin(self, message: Message | str | int) -> Message:
        """Take a pin back. Raises UsageError as `pin` does."""
        return self._context.unpin(self._pointed_at(message), session_id=self.session_id)

    def search(self, text: str) -> pd.DataFrame:
        """The messages that hold `text`, also those that are no longer sent; columns as in `to_dataframe()`, the text
        cut to what is around it.

        Raises:
            UsageError: there is nothing to look for.
        """
        hits = self._context.search(text, session_id=self.session_id)
        return listed(self._conversation, [hit.message for hit in hits], [hit.excerpt for hit in hits])

    def records(self) -> CompactionRecords:
        """The compactions, oldest first: a tuple with `.to_dataframe()`."""
        return self._context.records(self.session_id)

    def reset(self) -> None:
        """Forget the conversation, also where it is kept. This cannot be undone; `fork` or `export` it before."""
        self._context.reset(self.session_id)

    def fork(self, name: str, at_turn: int | str | None = None) -> str:
        """Copy it to a new session, up to and including a turn (its number from 1, or from -1 at the end, or its id).
        `%victor session NAME` goes there. Returns the name.

        Raises:
            UsageError: there is no such turn.
            SessionError: there is such a session already.
        """
        return self._orchestrator().sessions.fork(self.session_id, name, at_turn=at_turn)

    def export(self, path: str | PathLike[str]) -> Path:
        """Write it to a new JSON Lines file, which `vn.sessions.import_file` reads.

        Raises:
            SessionError: the file is there already, or cannot be written.
        """
        return self._orchestrator().sessions.export(self.session_id, path)

    def _pointed_at(self, target: Message | str | int) -> Message | str:
        messages = self.messages
        if isinstance(target, bool) or not isinstance(cast("object", target), Message | str | int) or target == "":
            raise UsageError(
                f"{target!r} points at no message.", hint="give its number, its id, or words that only it holds"
            )
        if isinstance(target, int):
            if -len(messages) <= target < len(messages):
                return messages[target]
            raise UsageError(f"there is no message {target}.", hint=f"there are {len(messages)}, counted from 0")
        if isinstance(target, Message) or any(message.id == target for message in messages):
            return target
        return self._holding(target)

    def _holding(self, words: str) -> Message:
        found = self._context.search(words, session_id=self.session_id)
        if len(found) == 1:
            return found[0].message
        if not found:
            told = did_you_mean(words, {word for message in self.messages for word in message.content.split()})
            raise UsageError(f"no message holds {words!r}.{told}", hint="%victor search finds words, and numbers")
        numbers = ", ".join(str(hit.index) for hit in found[:8]) + (", …" if len(found) > 8 else "")
        raise UsageError(f"{len(found)} messages hold {words!r}: {numbers}.", hint="name one by its number")

    @property
    def _context(self) -> ContextCoordinator:
        return self._orchestrator().context_coordinator

    @property
    def _conversation(self) -> Conversation:
        return self._context.conversation(self.session_id)

    def __len__(self) -> int:
        return len(self.messages)

    def __repr__(self) -> str:
        return repr(self.state)

    def _repr_html_(self) -> str:
        return self.state.as_html()
