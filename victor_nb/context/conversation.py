"""One session's conversation: the state after a list of operations (see `journal.py`), and the view that requests send.

The log only grows, but where a turn takes the place of an older one of the same cell; compactions are records beside
it, and the view is a function of both, so that an undo is exact. A turn becomes part of the log when it is committed,
and a turn that fails is taken back whole. It knows neither stores nor strategies.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from victor_nb.context.compaction import CompactionRecord, CompactionRecords, Undone, UndoReason
from victor_nb.context.journal import Entry, Folding, Item, JournalCodec, Operation, Passage, plain, unreadable
from victor_nb.context.journal_forms import misfit
from victor_nb.context.log import ConversationLog
from victor_nb.context.meter import Calibration, Meter
from victor_nb.context.passages import foldings, log_of, undo, view_of
from victor_nb.context.steps import open_call_ids
from victor_nb.errors import ContextError
from victor_nb.messages import Message, ToolSpec, new_id


@dataclass(frozen=True, slots=True)
class _Running:
    """A turn in progress: where it will stand, and what to go back to when it fails."""

    passage: Passage
    place: int
    calibration: Calibration


class Conversation:
    """The state of one session. One turn at a time; the other methods may be called from any thread meanwhile.

    `save` is given every operation as it happens, and `notice` every compaction that counts no more; where `save`
    raises, nothing has changed. Who reads and then changes holds `lock`.
    """

    def __init__(self, session_id: str, codec: JournalCodec | None = None) -> None:
        self.session_id = session_id
        self.meter = Meter()
        self.version = 0
        self.save: Callable[[Operation], Awaitable[None]] | None = None
        self.notice: Callable[[Undone], None] | None = None
        self._codec = codec or JournalCodec()
        self.lock = threading.RLock()
        self._log = ConversationLog()
        self._view: list[Message] = []
        self._estimate = 0
        self._unpinned = False
        self._running: _Running | None = None

    @property
    def log(self) -> tuple[Message, ...]:
        """Every message of the session, oldest first; while a turn runs, those before it and its own."""
        with self.lock:
            return tuple(log_of(self._current()))

    @property
    def view(self) -> tuple[Message, ...]:
        """What the next request would send, the system message excepted."""
        with self.lock:
            return tuple(self._view)

    def sent(self, head: Message | None) -> tuple[Message, ...]:
        """The messages of the next request, with the system message in front of them."""
        with self.lock:
            return (head, *self._view) if head else tuple(self._view)

    @property
    def records(self) -> CompactionRecords:
        """The compactions of the turns that stand, oldest first."""
        with self.lock:
            found = [folding.record for _, _, folding in foldings(self._everything())][::-1]
        return CompactionRecords(sorted(found, key=lambda record: record.timestamp_us))

    @property
    def turn_id(self) -> str | None:
        """The turn in progress."""
        return self._running.passage.turn_id if self._running else None

    @property
    def turn_ids(self) -> tuple[str, ...]:
        """The turns that stand, in order."""
        return tuple(passage.turn_id for passage in self._log.passages if passage.turn_id is not None)

    @property
    def estimate(self) -> int:
        """Estimated tokens of the view."""
        return self._estimate

    @property
    def is_compacted(self) -> bool:
        """Whether nothing was logged or unpinned since the last compaction that counts."""
        with self.lock:
            if self._unpinned:
                return False
            for passage in reversed(self._current()):
                for item in reversed(passage.items):
                    if isinstance(item, Message) or item.record.undone:
                        return False
                    if item.view is not None:
                        return True
        return False

    def cost(self, messages: Iterable[Message]) -> int:
        """Estimated tokens of these messages."""
        return sum(map(self._log.cost, messages))

    def tokens(self) -> int:
        """Tokens of the next request: system prompt, tools and view."""
        return self.meter.tokens(self._estimate)

    def use(self, model_key: str, ratio: float, system: str, tools: Sequence[ToolSpec]) -> Message:
        """Count for a request with this system prompt and these tools to this model, of which `ratio` was learned
        elsewhere. Gives the system message: the same object until it changes."""
        self.meter.use_model(model_key, ratio)
        if self._running and self._running.passage.began is None:
            self._running.passage.began = self.meter.calibration
        return self.meter.use_overhead(system, tools)

    def begin_turn(self, turn_id: str, key: str | None = None, execution: str | None = None) -> str | None:
        """Start a turn. With the `key` of older turns from another `execution` it is going to take their place, and
        until it ends the view is what came before them; the first of their ids is returned.

        Raises ContextError when a turn is in progress.
        """
        with self.lock:
            if self._running:
                raise ContextError(
                    f"Session {self.session_id!r} is in the middle of a turn.",
                    hint="Wait for its answer, or use another session_id.",
                )
            old = self._log.replaced_by(key, execution)
            passage = Passage(turn_id, key, execution, tuple(one.turn_id or "" for one in old))
            place = self._log.place_of(passage)
            self._running = _Running(passage, place, self.meter.calibration)
            if place < len(self._log.passages):
                self._rebuild()
            if old and old[0].began:
                self.meter.restore(old[0].began)
            return passage.replaces[0] if passage.replaces else None

    def append(self, message: Message) -> Message:
        """Log a message, as of the turn in progress; between turns it is kept at once.

        Raises ContextError for a system message.
        """
        if message.role == "system":
            raise ContextError("A system message is no part of the log.", hint="Give it to the prompt coordinator.")
        with self.lock:
            message = self._as_logged(message)
            self._add(message)
            self._log.know(message)
            self._view.append(message)
            self._estimate += self._log.cost(message)
            self.version += 1
        return message

    def close_open_calls(self, text: str = "interrupted") -> tuple[Message, ...]:
        """Log `text` as the result of each tool call that still waits for one, so that the view can be sent again."""
        with self.lock:
            last = next((n for n in range(len(self._view) - 1, -1, -1) if self._view[n].role != "tool"), None)
            group = [] if last is None else self._view[last:]
            waiting = open_call_ids(group)
            calls = [call for message in group for call in message.tool_calls if call.id in waiting]
            return tuple(
                self.append(Message("tool", text, tool_call_id=call.id, tool_name=call.name)) for call in calls
            )

    def commit_turn(self) -> Awaitable[None] | None:
        """End the turn in progress: its messages become part of the log. What is returned may be awaited, to know that
        they are durable; it is None when nobody keeps them."""
        with self.lock:
            if not self._running:
                return None
            running, passage = self._running, self._running.passage
            passage.ended = self.meter.calibration
            saved = self._save(self._codec.encode_passage(passage, self._log.known)) if self.save else None
            self._running = None
            behind = running.place < len(self._log.passages)
            undone = self._log.insert(passage, running.place)
            if behind:
                self._rebuild()
        self._tell(undone, "turn_replaced")
        return saved

    def rollback_turn(self) -> None:
        """Take back all that was logged since `begin_turn`, and its compactions. Does nothing between turns."""
        with self.lock:
            if not self._running:
                return
            running, self._running = self._running, None
            self._log.forget(running.passage.messages)
            undone = undo([running.passage], "turn_failed")
            self.meter.restore(running.calibration)
            self._rebuild()
        self._tell(undone, "turn_failed")

    def fold(self, record: CompactionRecord, view: Sequence[Message] | None) -> Awaitable[None] | None:
        """Keep the record of a compaction; `view`, unless it is None, is what requests send from now on. As with
        `commit_turn`, what is returned may be awaited; of a turn in progress it is kept with the turn."""
        with self.lock:
            folding = Folding(record, None if view is None else tuple(map(self._entry, view)))
            saved = self._add(folding)
            if view is not None:
                self._unpinned = False
                self._rebuild()
        return saved

    def undo(self) -> CompactionRecord | None:
        """Let the last compaction that counts count no more; None when there is none."""
        with self.lock:
            last = next((one for one in foldings(self._current()) if one[2].view is not None), None)
            if last is None:
                return None
            found = last[2].record
            if not self._running or last[0] is not self._running.passage:
                self._save({"kind": "undo", "compaction_id": found.id})
            undo([last[0]], "undo", found.id)
            self._rebuild()
        self._tell([found.id], "undo")
        return replace(found, undone="undo")

    def pin(self, message_id: str, pinned: bool = True) -> Message:
        """Pin or unpin a message of the log. Pinned, it is in the view as it was logged, with the whole of its step.

        Raises KeyError when it is no message of the log.
        """
        with self.lock:
            message = self._log.known[message_id]
            if message.pinned == pinned:
                return message
            running = self._running.passage.items if self._running else ()
            if not any(item is message for item in running):
                self._save({"kind": "pin", "message_id": message_id, "pinned": pinned})
            changed = self._log.swap(self._everything(), message, replace(message, pinned=pinned))
            self._unpinned = self._unpinned or not pinned
            self._rebuild()
        return changed

    def reset(self) -> None:
        """Forget everything; of a turn in progress, everything before it."""
        with self.lock:
            self._save({"kind": "reset"})
            undone = undo(self._everything(), "reset")
            self._clear()
            self._rebuild()
        self._tell(undone, "reset")

    def apply(self, operation: Mapping[str, Any]) -> None:
        """Do again what an operation tells of; nobody is told. Raises SessionError when it cannot be understood."""
        with self.lock:
            self._apply(operation)
            self._rebuild()

    def replay(self, operations: Sequence[Mapping[str, Any]]) -> None:
        """Become what these operations make, whatever was there before.

        Raises SessionError when one cannot be understood, ContextError when a turn is in progress.
        """
        fresh = Conversation(self.session_id, self._codec)
        for operation in operations:
            fresh._apply(operation)
        with self.lock:
            if self._running:
                raise ContextError(f"Session {self.session_id!r} is in the middle of a turn.", hint="Wait for its end.")
            self._log = fresh._log
            fresh.meter.limits = self.meter.limits or fresh.meter.limits
            self.meter = fresh.meter
            self._rebuild()

    def operations(self, until_turn: str | None = None) -> list[Operation]:
        """The shortest list of operations that makes this conversation, or it up to and including a turn.

        Raises ContextError when there is no such turn.
        """
        with self.lock:
            passages = self._log.passages
            if until_turn is not None:
                ends = [place for place, one in enumerate(passages, 1) if one.turn_id == until_turn]
                if not ends:
                    raise ContextError(f"Session {self.session_id!r} has no turn {until_turn!r}.", hint="See turn_ids.")
                passages = passages[: ends[0]]
            found = [replace(one, replaces=()) for one in passages]
            if until_turn is None and not self._running and (counted := [one for one in found if one.ended]):
                counted[-1].ended = self.meter.calibration  # the last turn in time is not always the last one
            return [self._codec.encode_passage(one, self._log.known) for one in found]

    def rehearsal(self) -> Conversation:
        """A copy of it without the turn in progress, to try a turn on; nobody is told, and nothing kept."""
        twin = Conversation(self.session_id, self._codec)
        with self.lock:
            twin._log, twin.meter = self._log.copy(), self.meter.copy()
            if self._running:
                twin.meter.restore(self._running.calibration)
            twin._unpinned = self._unpinned
        twin._rebuild()
        return twin

    def _apply(self, operation: Mapping[str, Any]) -> None:
        if wrong := misfit(operation):
            raise unreadable(wrong)
        match operation.get("kind"):
            case "turn" | "compaction":
                passage = self._codec.decode_passage(operation, self._log.known)
                for message in passage.messages:
                    self._log.know(message)
                self._log.insert(passage, self._log.place_of(passage))
                if passage.ended:
                    self.meter.restore(passage.ended)
            case "undo":
                undo(self._log.passages, "undo", operation.get("compaction_id"))
            case "pin":
                message = self._log.known.get(operation.get("message_id", ""))
                if message:
                    self._log.swap(
                        self._everything(), message, replace(message, pinned=operation.get("pinned") is True)
                    )
            case "reset":
                self._clear()
            case _:
                raise AssertionError("all kinds are known")

    def _clear(self) -> None:
        if self._running:
            passage = self._running.passage
            passage.replaces = ()
            self._log = ConversationLog(passage.messages)
            self._running = _Running(passage, 0, self.meter.calibration)
        else:
            self._log, self.meter = ConversationLog(), Meter(self.meter.limits)

    def _current(self) -> list[Passage]:
        """What the view is made of."""
        return (
            [*self._log.passages[: self._running.place], self._running.passage] if self._running else self._log.passages
        )

    def _everything(self) -> list[Passage]:
        if not self._running:
            return self._log.passages
        place = self._running.place
        return [*self._log.passages[:place], self._running.passage, *self._log.passages[place:]]

    def _as_logged(self, message: Message) -> Message:
        changed: dict[str, Any] = {}
        if message.turn_id is None and self._running:
            changed["turn_id"] = self._running.passage.turn_id
        if message.id in self._log.known:
            changed["id"] = new_id()
        if message.metadata:
            changed["metadata"] = plain(message.metadata)
        return replace(message, **changed) if changed else message

    def _add(self, item: Item) -> Awaitable[None] | None:
        if self._running:
            self._running.passage.items.append(item)
            return None
        passage = Passage(items=[item])
        saved = self._save(self._codec.encode_passage(passage, self._log.known)) if self.save else None
        self._log.passages.append(passage)
        return saved

    def _entry(self, message: Message) -> Entry:
        known = self._log.known.get(message.id)
        if known and known.content == message.content and known.images == message.images:
            return message.id
        metadata = plain(message.metadata)
        return message if metadata == message.metadata else replace(message, metadata=metadata)

    def _rebuild(self) -> None:
        self._view = view_of(self._current(), self._log.known)
        self._estimate = self.cost(self._view)
        self.version += 1

    def _save(self, operation: Operation) -> Awaitable[None] | None:
        return self.save(operation) if self.save else None

    def _tell(self, undone: Sequence[str], reason: UndoReason) -> None:
        if self.notice:
            for compaction_id in undone:
                self.notice(Undone(compaction_id, self.session_id, reason))
