"""Keeps each session's conversation within the model's window, by a strategy of the user's or the default one; shows,
steers and undoes what that does.

It knows neither the other coordinators nor the orchestrator, which logs messages, asks `prepare` before each request
and makes events of the records. A strategy can fail or return anything: the log is never touched by it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final, Protocol

from victor_nb import clock
from victor_nb.context.attempt import LEAST_PROGRESS, Attempt, CompactionPreview, attempt, unchanged
from victor_nb.context.base import BaseCompactionStrategy, compactor
from victor_nb.context.compaction import (
    CompactionRecord,
    CompactionRecords,
    Limits,
    Trigger,
    Undone,
    WindowSource,
    limits_of,
)
from victor_nb.context.conversation import Conversation
from victor_nb.context.digest import DigestCompactionStrategy
from victor_nb.context.journal import JournalCodec, Operation, WireFromJson, WireToJson
from victor_nb.context.search import SearchHit, pointed_at, search
from victor_nb.context.shortage import too_large
from victor_nb.context.view import repair
from victor_nb.errors import ContextError, UsageError
from victor_nb.messages import Message, ToolSpec
from victor_nb.models.embeddings import embed as embed_texts
from victor_nb.protocols import CompactionBudget, Context, ICompactionStrategy

__all__ = [
    "BaseCompactionStrategy",
    "CompactionPreview",
    "CompactionRecord",
    "ContextCoordinator",
    "IConversationArchive",
    "Prepared",
    "Undone",
]

STRATEGY_TIMEOUT_S: Final = 120.0
_Notice = Callable[[str, CompactionRecord | Undone], None]
_Ask = Callable[[str, Sequence[Message], Any], Awaitable[str]]
_Embed = Callable[[Sequence[str], Any], Awaitable[Sequence[Sequence[float]]]]


class IConversationArchive(Protocol):
    """Where conversations are kept. The methods block and may be called from any thread; `save` takes its operation at
    once, and what it returns may be awaited, to know that it is durable."""

    def load(self, session_id: str) -> list[Operation]: ...
    def changed(self, session_id: str) -> bool: ...
    def save(self, session_id: str, operation: Operation) -> Awaitable[None]: ...
    def release(self, session_id: str) -> None: ...


@dataclass(frozen=True)
class Prepared:
    """What a request sends, system message first. `tokens` counts tools too; `fraction` is of the window less the
    reserved output. `compaction` is what was done to make it fit, if anything."""

    messages: tuple[Message, ...] = field(repr=False)
    tokens: int
    fraction: float
    compaction: CompactionRecord | None = None


class ContextCoordinator:
    """The conversations of all sessions. `compaction_strategy` is any object with `compact(context)`.

    Where a method takes a `session_id`, None means the session of the last `use_session`. Those that are not async may
    be called from any thread, also while a turn runs; they read the session from the archive when it is not yet there,
    and then raise SessionError when it cannot be had.

    A strategy that is still waiting for something after `timeout_s` seconds (None: however long) has failed.

    Raises TypeError when the strategy is none, UsageError when `timeout_s` is no positive number.
    """

    def __init__(
        self, compaction_strategy: ICompactionStrategy | None = None, *, timeout_s: float | None = STRATEGY_TIMEOUT_S
    ) -> None:
        if timeout_s is not None and not timeout_s > 0:
            raise UsageError(f"timeout_s={timeout_s!r} is no positive number.", hint="None waits however long it takes")
        self._compact = compactor(compaction_strategy or DigestCompactionStrategy(), timeout_s)
        self._conversations: dict[str, Conversation] = {}
        self._ratios: dict[str, float] = {}
        self._current = ""
        self._opening = threading.RLock()
        self._archive: IConversationArchive | None = None
        self._codec = JournalCodec()
        self._notice: _Notice | None = None
        self._ask: _Ask | None = None
        self._embed: _Embed = embed_texts

    def attach(
        self,
        *,
        archive: IConversationArchive | None = None,
        notice: _Notice | None = None,
        ask: _Ask | None = None,
        embed: _Embed | None = None,
        wire_to_json: WireToJson | None = None,
        wire_from_json: WireFromJson | None = None,
    ) -> None:
        """What the orchestrator gives: where conversations are kept, who is told of compactions by hand and of undone
        ones, what stands behind `CompactionBudget.ask` and `.embed` (by default `models.embeddings.embed`), and how a
        message's `wire` is kept."""
        self._archive, self._notice, self._ask, self._embed = archive, notice, ask, embed or embed_texts
        self._codec = JournalCodec(wire_to_json, wire_from_json)

    def use_session(self, session_id: str) -> None:
        self._current = session_id

    async def open(self, session_id: str) -> Conversation:
        """The session's conversation, read from the archive when it is not yet here or has changed there.

        Raises SessionError when it cannot be read, SessionInUseError when another kernel has it open.
        """
        found = self._conversations.get(session_id)
        if self._archive is None or (found and found.save and not self._archive.changed(session_id)):
            return self.conversation(session_id)
        return await asyncio.to_thread(self._load, session_id, refresh=True)

    async def rehearsal(self, session_id: str, ask: _Ask, embed: _Embed) -> ContextCoordinator:
        """One that has a copy of the session and of nothing else, to try a turn on: nothing here is changed, kept or
        told. `ask` and `embed` stand behind the budget of its compactions.

        Raises SessionError as `open` does.
        """
        twin = copy(self)
        twin._conversations = {session_id: (await self.open(session_id)).rehearsal()}
        twin._ratios, twin._opening = dict(self._ratios), threading.RLock()
        twin._archive = twin._notice = None
        twin._ask, twin._embed = ask, embed
        return twin

    def conversation(self, session_id: str | None = None) -> Conversation:
        """The session's conversation, begun if it is new."""
        wanted = self._current if session_id is None else session_id
        found = self._conversations.get(wanted)
        return found or self._load(wanted)

    @property
    def conversations(self) -> Mapping[str, Conversation]:
        """Those that are in memory here, by session."""
        return dict(self._conversations)

    def forget(self, session_id: str) -> None:
        """Let go of a session; what the archive keeps of it stays there."""
        with self._opening:
            self._conversations.pop(session_id, None)
            if self._archive:
                self._archive.release(session_id)

    def get_context(self, session_id: str | None = None) -> Context:
        """The messages that the next request would send, the system message excepted."""
        found = self.conversation(session_id)
        return Context(list(found.view), {"session_id": found.session_id})

    def records(self, session_id: str | None = None) -> CompactionRecords:
        """The session's compactions, oldest first: a tuple with `.to_dataframe()`."""
        return self.conversation(session_id).records

    def search(self, text: str, *, session_id: str | None = None) -> list[SearchHit]:
        """The messages of the whole log that hold `text`, folded ones included, each with whether it is still sent.

        Raises UsageError when there is nothing to look for.
        """
        found = self.conversation(session_id)
        return search(text, found.log, found.view)

    def pin(self, message: Message | str | int, *, session_id: str | None = None) -> Message:
        """Never fold this message (a message of the log, its id, or its index in the view). One that was folded comes
        back into the view, in order, with the whole of its step.

        Raises UsageError when the session has no such message.
        """
        return self._pin(message, session_id, pinned=True)

    def unpin(self, message: Message | str | int, *, session_id: str | None = None) -> Message:
        """Take a pin back. Raises UsageError when the session has no such message."""
        return self._pin(message, session_id, pinned=False)

    def undo(self, session_id: str | None = None) -> CompactionRecord | None:
        """Undo the last compaction that counts: the view is what it would be without it. None when there is none."""
        return self.conversation(session_id).undo()

    def reset(self, session_id: str | None = None) -> None:
        """Forget the session's conversation. A turn in progress goes on without what was before it."""
        self.conversation(session_id).reset()

    async def compact_context(self, context: Context | None = None, *, session_id: str | None = None) -> Context:
        """Compact now: the session, or `context`, which changes the session only if it is what that would send.

        A strategy that fails leaves the session as it was, and `records()[-1]` tells; with another `context` its
        error is raised.
        """
        conversation = self.conversation(session_id)
        if context is None or [m.id for m in context.messages] == [m.id for m in conversation.view]:
            await self.force_compact(conversation.session_id)
            return self.get_context(conversation.session_id)
        aim = conversation.meter.tokens(conversation.cost(context.messages)) // 2
        proposed = await self._compact(context, self._budget(conversation, conversation.meter.limits, aim))
        return Context(list(repair(context.messages, proposed.messages).messages), proposed.metadata)

    async def preview(self, session_id: str | None = None) -> CompactionPreview:
        """What a compaction by hand would make of the view now. The strategy is asked (and its model, where it has
        one); nothing changes."""
        conversation = self.conversation(session_id)
        limits = conversation.meter.limits
        found = await self._attempt(conversation, limits, "manual")
        return CompactionPreview(
            strategy=self._compact.name,
            outcome=found.outcome(limits, "manual"),
            tokens_before=found.before,
            tokens_after=found.tokens,
            limits=limits,
            messages=found.messages,
            removed=found.removed,
            added=found.added,
            repaired=found.repaired,
            note=found.note,
            error=str(found.error) if found.error else None,
        )

    async def prepare(
        self,
        session_id: str,
        *,
        system: str,
        tools: Sequence[ToolSpec],
        window: int,
        threshold: float,
        target: float,
        reserved_output: int,
        model_key: str,
        window_source: WindowSource = "settings",
    ) -> Prepared:
        """The next request, compacted if it has reached the threshold.

        Raises ContextError when even what may not be dropped exceeds the window; nothing has changed then.
        """
        conversation = self.conversation(session_id)
        meter = conversation.meter
        head = conversation.use(model_key, self._ratios.get(model_key, 1.0), system, tools)
        largest = meter.largest(window)
        source = window_source if largest == window else "overflow"
        meter.limits = limits = limits_of(largest, threshold, target, reserved_output, source)
        tokens = conversation.tokens()
        record = None
        if tokens >= max(limits.threshold, min(meter.retry_at, limits.usable + 1)):
            record = await self._run(conversation, limits, "threshold")
            tokens = conversation.tokens()
        if tokens > limits.usable:
            raise too_large(conversation, limits)
        meter.sent(conversation.estimate)
        messages = conversation.sent(head if system else None)
        return Prepared(messages, tokens, tokens / limits.usable, record)

    def observe(self, session_id: str, reported_input_tokens: int) -> None:
        """The provider counted so many input tokens in what was last prepared. Not for invented usage."""
        meter = self.conversation(session_id).meter
        meter.observe(reported_input_tokens)
        if meter.model_key is not None:
            self._ratios[meter.model_key] = meter.ratio

    async def force_compact(self, session_id: str | None = None, *, trigger: Trigger = "manual") -> CompactionRecord:
        """Compact now, whatever the size. After the provider's overflow error (`trigger="overflow"`) at least halve it,
        since it was larger than counted. By hand, a second time with nothing new between does nothing."""
        conversation = self.conversation(session_id)
        limits = conversation.meter.limits
        if limits and trigger == "overflow":
            conversation.meter.overflowed()
            limits = replace(limits, target=min(limits.target, conversation.tokens() // 2))
        record = await self._run(conversation, limits, trigger)
        if self._notice and trigger == "manual":
            self._notice(conversation.session_id, record)
        return record

    async def _run(self, conversation: Conversation, limits: Limits | None, trigger: Trigger) -> CompactionRecord:
        version = conversation.version
        found = await self._attempt(conversation, limits, trigger)
        with conversation.lock:
            if version != conversation.version:
                found = unchanged(conversation, ContextError("The conversation went on meanwhile."))
            record = self._record(conversation, found, limits, trigger)
            saved = conversation.fold(record, found.messages if found.counts(limits, trigger) else None)
            if record.outcome == "completed":
                conversation.meter.retry_at = 0
            elif limits and trigger == "threshold":
                conversation.meter.retry_at = found.before + max(int(LEAST_PROGRESS * limits.threshold), 1)
        if saved is not None:
            await saved
        return record

    def _record(
        self, conversation: Conversation, found: Attempt, limits: Limits | None, trigger: Trigger
    ) -> CompactionRecord:
        counts = found.counts(limits, trigger)
        return CompactionRecord(
            id=clock.new_id("compaction"),
            session_id=conversation.session_id,
            trigger=trigger,
            strategy=self._compact.name,
            outcome=found.outcome(limits, trigger),
            tokens_before=found.before,
            tokens_after=found.tokens if counts else found.before,
            messages_removed=len(found.removed) if counts else 0,
            repaired=found.repaired,
            error_type=type(found.error).__name__ if found.error else None,
            note=found.note,
            timestamp_us=clock.now_us(),
        )

    async def _attempt(self, conversation: Conversation, limits: Limits | None, trigger: Trigger) -> Attempt:
        """By hand, half is aimed at even where the target is above that, but no step is dropped for it."""
        tokens = conversation.tokens()
        aim = limits.target if limits else tokens // 2
        most = limits.most if limits and trigger == "threshold" else 0
        if trigger == "manual":
            if conversation.is_compacted:
                return unchanged(conversation)
            aim = min(aim, tokens // 2)
        return await attempt(conversation, self._compact, self._budget(conversation, limits, aim, most), limits)

    def _budget(self, conversation: Conversation, limits: Limits | None, aim: int, most: int = 0) -> CompactionBudget:
        """For a request of at most `aim` tokens, or `most` where that would lose what matters."""
        meter, session_id = conversation.meter, conversation.session_id
        fixed = meter.tokens(0) if limits else 0
        made = CompactionBudget(
            target_tokens=max(aim - fixed, 0),
            window_tokens=limits.window if limits else conversation.tokens(),
            count=lambda messages: meter.tokens(conversation.cost(messages)) - fixed,
            most_tokens=max(most - fixed, 0),
        )
        ask = partial(self._ask, session_id) if self._ask else made.ask
        return replace(made, ask=ask, embed=self._embed)

    def _pin(self, message: Message | str | int, session_id: str | None, *, pinned: bool) -> Message:
        conversation = self.conversation(session_id)
        return conversation.pin(pointed_at(message, conversation.log, conversation.view), pinned)

    def _load(self, session_id: str, *, refresh: bool = False) -> Conversation:
        with self._opening:
            found, archive = self._conversations.get(session_id), self._archive
            if found is None:
                found = Conversation(session_id, self._codec)
                found.notice = self._tell
            if archive and found.turn_id is None:
                self._read(found, archive, refresh)
            self._conversations[session_id] = found
        return found

    def _read(self, found: Conversation, archive: IConversationArchive, refresh: bool) -> None:
        """Take over what the archive has; what was said before there was an archive goes behind it."""
        name = found.session_id
        if found.save and not (refresh and archive.changed(name)):
            return
        stored, own = archive.load(name), [] if found.save else found.operations()
        if stored:
            found.replay([*stored, *own])
        found.save = partial(archive.save, name)
        for operation in own:
            found.save(operation)

    def _tell(self, undone: Undone) -> None:
        if self._notice:
            self._notice(undone.session_id, undone)
