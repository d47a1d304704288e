"""`orchestrator.sessions`: the kept conversations of this notebook and of others, listed, opened, forked, renamed,
deleted, written to files and read from them. How they are kept is the archive's business.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from victor_nb.agent.coordinators.context_coordinator import ContextCoordinator
from victor_nb.agent.sessions import files
from victor_nb.agent.sessions.archive import ConversationArchive
from victor_nb.agent.sessions.files import SessionFile, replayed
from victor_nb.agent.sessions.journal import Operation
from victor_nb.agent.sessions.names import checked_session
from victor_nb.agent.sessions.shelf import SessionShelf, taken
from victor_nb.agent.sessions.table import table
from victor_nb.context.conversation import Conversation
from victor_nb.errors import SessionError, UsageError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd


class Sessions:
    """Conversations by name. A session belongs to the notebook that began it, and is open in one kernel at a time;
    reading (`list`, `fork`, `export`, `open` with `read_only`) is always allowed.

    `renamed` is told of a session's old and new name.

    Methods block and may be called from any thread. All but `list` raise UsageError for a name that cannot be one, and
    all of them StoreError when the store cannot be used.
    """

    def __init__(
        self,
        archive: ConversationArchive,
        context: ContextCoordinator,
        renamed: Callable[[str, str], None] = lambda old, new: None,
    ) -> None:
        self._shelf = SessionShelf(archive)
        self._archive = archive
        self._context = context
        self._renamed = renamed

    def list(self, *, every_notebook: bool = False) -> pd.DataFrame:
        """The stored sessions of this notebook, or of all; the one changed last comes first.

        Returns:
            One row a session: `session_id`, `notebook`, `first_prompt` (its first line, shortened), `held_by` (who has
            it open now): string; `turns`, `messages`, `size_bytes`: Int64; `created_at`, `updated_at`:
            datetime64[us, UTC]; `held_here`: boolean, whether this kernel has it open.
        """
        return table(self._shelf.saved(every_notebook=every_notebook), self._shelf.run_id)

    def open(self, session_id: str, *, read_only: bool = False) -> Conversation:
        """The session's conversation as it is now, begun if it is new. With `read_only` one that another kernel has
        open can be looked at: `chat()` and all that would change it raise SessionInUseError, until that kernel lets go.

        Raises:
            SessionInUseError: another kernel that is alive has it open.
            SessionError: it cannot be understood, or there is none to look at.
        """
        name = checked_session(session_id)
        if not read_only:
            here = self._here(name)
            if here is not None and here.turn_id is None and self._archive.changed(name):
                self._context.forget(name)
            return self._context.conversation(name)
        if not self._shelf.operations(name):
            raise self._unknown(name)
        self._context.forget(name)
        self._archive.look_at(name)
        return self._context.conversation(name)

    def close(self, session_id: str) -> None:
        """Let other kernels have the session. Chatting in it opens it again."""
        self._context.forget(checked_session(session_id))

    def release(self) -> None:
        """Let other kernels have all sessions that are open here."""
        self._archive.close()

    def fork(self, session_id: str, new: str, *, at_turn: int | str | None = None, notebook: str | None = None) -> str:
        """Copy a session, whoever has it open, to a new one of this notebook.

        Args:
            at_turn: up to and including this turn: its number from 1 (-1 is the last), or its id; all by default.
            notebook: whose session it is, as in the column `notebook` of `list`; this one's by default, `""` for none.

        Returns:
            The new name.

        Raises:
            SessionError: there is no such session, or there is one of the new name.
            UsageError: it has no such turn.
        """
        target = checked_session(new)
        source = self._source(checked_session(session_id), notebook)
        until = None if at_turn is None else _turn_of(source, at_turn)
        self._create(target, source.operations(until))
        return target

    def rename(self, session_id: str, new: str) -> None:
        """Who is in the session, as `chat()` that names none, is in it still.

        Raises:
            SessionError: there is no such session, there is one of the new name, or a turn of it is running.
            SessionInUseError: another kernel has it open.
        """
        name, target = checked_session(session_id), checked_session(new)
        if name == target:
            return
        conversation = self._idle(name)
        if self._archive.store is None:
            if conversation is None:
                raise self._unknown(name)
            self._create(target, conversation.operations())
        else:
            if conversation is None and name not in self._shelf.names():
                raise self._unknown(name)
            self._context.forget(name)
            self._shelf.rename(name, target)
        self._context.forget(name)
        self._renamed(name, target)

    def delete(self, session_id: str, *, notebook: str | None = None) -> bool:
        """Delete a session for good, of this notebook or another; whether there was one. What analytics have recorded
        of its turns stays.

        Raises:
            SessionInUseError: another kernel has it open.
            SessionError: a turn of it is running.
        """
        name = checked_session(session_id)
        if notebook is not None:
            return self._shelf.delete(name, notebook=notebook)
        there = self._idle(name)
        deleted = self._shelf.delete(name)
        self._context.forget(name)
        return deleted or (there is not None and bool(there.log))

    def export(self, session_id: str, path: str | PathLike[str], *, notebook: str | None = None) -> Path:
        """Write a session, whoever has it open, to a new JSON Lines file: a header, then one operation a line.

        Raises:
            SessionError: there is no such session, or the file is there already or cannot be written.
        """
        name = checked_session(session_id)
        source = self._source(name, notebook)
        saved = self._shelf.saved(every_notebook=True)
        found = next((one for one in saved if one.session_id == name and notebook in (None, one.notebook)), None)
        created = found and dt.datetime.fromtimestamp(found.created_at_us / 1e6, dt.UTC)
        file = Path(path)
        content = SessionFile(name, found.notebook if found else "", created, source.operations())
        files.write(file, content)
        return file

    def import_file(self, path: str | PathLike[str], session_id: str | None = None) -> str:
        """Read such a file into a new session of this notebook, all of it or nothing.

        Args:
            session_id: its new name; the one in the file by default.

        Returns:
            The name.

        Raises:
            SessionError: a line of the file is wrong, it was written by a newer victor_nb, or there is such a session.
        """
        content = files.read(Path(path))
        name = checked_session(content.session_id if session_id is None else session_id)
        self._create(name, content.operations)
        return name

    def _source(self, session_id: str, notebook: str | None) -> Conversation:
        """As it is in memory here, else as it is stored."""
        stale = notebook is not None or self._archive.is_stale(session_id)
        here = None if stale else self._here(session_id)
        if here is not None and here.log:
            return here
        operations = self._shelf.operations(session_id, notebook=notebook)
        if not operations:
            raise self._unknown(session_id, notebook)
        return replayed(session_id, operations)

    def _here(self, session_id: str) -> Conversation | None:
        return self._context.conversations.get(session_id)

    def _idle(self, session_id: str) -> Conversation | None:
        here = self._here(session_id)
        if here is not None and here.turn_id is not None:
            raise SessionError(f"a turn of the session {session_id!r} is running.", hint="wait for its answer")
        return here

    def _create(self, session_id: str, operations: list[Operation]) -> None:
        here = self._here(session_id)
        if here is not None and here.log:
            raise taken(session_id, [*self._shelf.names(), *self._context.conversations])
        if self._archive.store is None:
            self._context.conversation(session_id).replay(operations)
            return
        self._shelf.create(session_id, operations)
        self._context.forget(session_id)

    def _unknown(self, session_id: str, notebook: str | None = None) -> SessionError:
        known = [*self._context.conversations] if notebook is None else []
        known += [one.session_id for one in self._shelf.saved(every_notebook=True) if notebook in (None, one.notebook)]
        where = f" in {notebook}" if notebook else ""
        hint = did_you_mean(session_id, known).strip() or "sessions.list(every_notebook=True) shows all"
        return SessionError(f"there is no session {session_id!r}{where}.", hint=hint)


def _turn_of(conversation: Conversation, turn: int | str) -> str:
    turns = conversation.turn_ids
    if isinstance(turn, str) and turn in turns:
        return turn
    if isinstance(turn, int) and not isinstance(turn, bool) and turn and abs(turn) <= len(turns):
        return turns[turn - 1 if turn > 0 else turn]
    raise UsageError(
        f"at_turn={turn!r} is no turn of the session {conversation.session_id!r}.",
        hint=f"a number from 1 to {len(turns)}, or the id of a turn" if turns else "it has no turns",
    )
