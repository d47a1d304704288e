"""One session's messages: a log that only grows, and the view of it that requests send.

The view is the messages of the last compaction followed by all that was logged since. Estimates are made once for each
message and summed as it goes. A turn that fails is taken back whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from victor_nb.context.compaction import CompactionRecord, Limits
from victor_nb.context.steps import open_call_ids
from victor_nb.context.tokens import PER_MESSAGE, TokenCounter, estimate_message, estimate_text, estimate_tools
from victor_nb.errors import ContextError
from victor_nb.messages import Message, ToolSpec


@dataclass(frozen=True, slots=True)
class _Mark:
    """Where a turn began."""

    turn_id: str
    log_length: int
    base: tuple[Message, ...]
    base_at: int


class Conversation:
    """The state of one session. Not thread-safe: one turn at a time."""

    def __init__(self, session_id: str) -> None:
        self.session_id = session_id
        self.records: list[CompactionRecord] = []
        self.limits: Limits | None = None
        self.counter = TokenCounter()
        self.model_key: str | None = None
        self.retry_at = 0
        self.sent_estimate = 0
        self.version = 0
        self._log: list[Message] = []
        self._view: list[Message] = []
        self._base: tuple[Message, ...] = ()
        self._base_at = 0
        self._estimate = 0
        self._turn: _Mark | None = None
        self._system = Message("system", "")
        self._tools: tuple[ToolSpec, ...] = ()
        self._overhead = 0

    @property
    def log(self) -> tuple[Message, ...]:
        """Every message of the session, oldest first."""
        return tuple(self._log)

    @property
    def view(self) -> tuple[Message, ...]:
        """What the next request would send, the system message excepted."""
        return tuple(self._view)

    @property
    def turn_id(self) -> str | None:
        """The turn in progress."""
        return self._turn.turn_id if self._turn else None

    def begin_turn(self, turn_id: str) -> None:
        """Raises ContextError when a turn is in progress."""
        if self._turn:
            raise ContextError(
                f"Session {self.session_id!r} is in the middle of a turn.",
                hint="Wait for its answer, or use another session_id.",
            )
        self._turn = _Mark(turn_id, len(self._log), self._base, self._base_at)

    def append(self, message: Message) -> Message:
        """Log a message, as of the turn in progress. Raises ContextError for a system message."""
        if message.role == "system":
            raise ContextError("A system message is no part of the log.", hint="Give it to the prompt coordinator.")
        if message.turn_id is None and self._turn:
            message = replace(message, turn_id=self._turn.turn_id)
        self._log.append(message)
        self._view.append(message)
        self._estimate += estimate_message(message)
        self.version += 1
        return message

    def commit_turn(self) -> None:
        self._turn = None

    def rollback_turn(self) -> None:
        """Take back all that was logged since `begin_turn`, and a compaction of it. Does nothing between turns."""
        if not self._turn:
            return
        mark, self._turn = self._turn, None
        del self._log[mark.log_length :]
        self._base, self._base_at = mark.base, mark.base_at
        self._rebuild()

    def close_open_calls(self, text: str = "interrupted") -> tuple[Message, ...]:
        """Log `text` as the result of each tool call that still waits for one, so that the view can be sent again."""
        last = next((n for n in range(len(self._view) - 1, -1, -1) if self._view[n].role != "tool"), None)
        group = [] if last is None else self._view[last:]
        waiting = open_call_ids(group)
        calls = [call for message in group for call in message.tool_calls if call.id in waiting]
        return tuple(self.append(Message("tool", text, tool_call_id=call.id, tool_name=call.name)) for call in calls)

    def commit_view(self, messages: Sequence[Message]) -> None:
        """Go on from these messages."""
        self._base, self._base_at = tuple(messages), len(self._log)
        self._rebuild()

    def use_model(self, model_key: str, ratio: float) -> None:
        """Count for this model; `ratio` is what was learned of it elsewhere."""
        if model_key != self.model_key:
            self.model_key, self.counter, self.retry_at = model_key, TokenCounter(ratio), 0

    def use_overhead(self, system: str, tools: Sequence[ToolSpec]) -> Message:
        """Count this system prompt and these tools too; the system message is the same object until it changes."""
        given = tuple(tools)
        if system != self._system.content or given != self._tools or not self._overhead:
            if system != self._system.content:
                self._system = Message("system", system)
            self._tools = given
            self._overhead = PER_MESSAGE + estimate_text(system) + estimate_tools(given)
        return self._system

    @property
    def estimate(self) -> int:
        """Estimated tokens of the next request: view, system prompt and tools."""
        return self._estimate + self._overhead

    def tokens(self, estimated: int | None = None) -> int:
        """Tokens of the next request; with `estimated`, of a view of that many estimated tokens in its place."""
        return self.counter.count(self.estimate if estimated is None else estimated + self._overhead)

    def _rebuild(self) -> None:
        self._view = [*self._base, *self._log[self._base_at :]]
        self._estimate = sum(map(estimate_message, self._view))
        self.version += 1
