"""Every interface that a user may implement, on one page, with the records that cross them.

Any object with the methods named here works: subclassing is optional, and a subclass need not call
`super().__init__()`. Methods may be `async def` or plain `def` unless a docstring says otherwise.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeAlias, runtime_checkable

from pydantic import BaseModel, ConfigDict, field_serializer

from victor_nb.messages import JsonValue, Message, ModelDelta, ModelReply, ModelRequest

Config: TypeAlias = dict[str, Any]


class AnalyticsEvent(BaseModel):
    """One thing that happened. `seq` has no gaps within a `kernel_run_id`, so that a loss can be seen.

    `timestamp` is an aware UTC datetime and `data` a JSON object; `model_dump()` is JSON-ready as it stands.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    seq: int
    kernel_run_id: str
    session_id: str
    type: str
    timestamp: datetime
    data: dict[str, Any]

    @field_serializer("timestamp")
    def _timestamp_as_text(self, value: datetime) -> str:
        return value.isoformat()


@dataclass
class ExportResult:
    """What an exporter did with a batch, or (with `results`, by exporter) what all of them did. `exported_count`
    counts events that the destination has confirmed; `pending` those still to be delivered."""

    success: bool
    exported_count: int = 0
    error: str | None = None
    pending: int = 0
    results: dict[str, ExportResult] = field(default_factory=dict[str, "ExportResult"])


@dataclass
class Context:
    """The messages that a request would send, oldest first, the system message excepted."""

    messages: list[Message]
    metadata: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class CompactionBudget:
    """How small the context should become: at most `target_tokens`, counted by `count`."""

    target_tokens: int
    window_tokens: int
    count: Callable[[Sequence[Message]], int]


@dataclass(frozen=True)
class CompactionResult:
    """The messages to go on with, and an optional note for the record."""

    messages: Sequence[Message]
    note: str = ""


class PromptContext(dict[str, Any]):
    """What prompt contributors may read: the turn's configuration, `session_id`, `message`, `model`, `tools`."""


class IConfigProvider(Protocol):
    """A source of settings. Higher priority wins; `{}` is no opinion."""

    def priority(self) -> int: ...
    async def get_config(self, session_id: str) -> Config: ...


class IPromptContributor(Protocol):
    """A section of the system prompt. Higher priority comes first; an empty string adds nothing."""

    def priority(self) -> int: ...
    async def get_contribution(self, context: PromptContext) -> str: ...


class ICompactionStrategy(Protocol):
    """Makes a conversation smaller. `compact(context, budget) -> CompactionResult` works as well."""

    async def compact(self, context: Context) -> Context: ...


class IAnalyticsExporter(Protocol):
    """A destination of events. Delivery is at least once: `event.id` identifies an event for good."""

    async def export(self, events: list[AnalyticsEvent]) -> ExportResult: ...


@runtime_checkable
class IChatModel(Protocol):
    """A model as the turn loop sees it. `stream` yields deltas and, last, one `ModelReply`.

    A failure raises a `ModelRequestError`. When the consumer closes the iterator early the connection is closed.
    `base_url` is None for a model with no wire; `context_window` (tokens) is None when unknown.
    """

    name: str
    provider: str
    base_url: str | None

    @property
    def context_window(self) -> int | None: ...
    async def request(self, request: ModelRequest) -> ModelReply: ...
    def stream(self, request: ModelRequest) -> AsyncIterator[ModelDelta | ModelReply]: ...


class IToolRunner(Protocol):
    """Where a tool's function is called: on the notebook's main thread, or in a worker thread."""

    async def __call__(self, call: Callable[[], Any]) -> Any: ...


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event as it is handed to a store: `data` and `content` are JSON text, `timestamp_us` is Unix time in µs."""

    id: str
    seq: int
    session_id: str
    type: str
    timestamp_us: int
    turn_id: str | None
    data: str
    content: str | None = None


@dataclass(frozen=True, slots=True)
class StoredEvent(EventRow):
    """An event as it is read back: `position` orders all events of a store by the time they became durable."""

    kernel_run_id: str = ""
    position: int = 0


@dataclass(frozen=True, slots=True)
class EventQuery:
    """Which events to read; None means any. Events come in `position` order."""

    kernel_run_ids: Sequence[str] | None = None
    notebook: str | None = None
    session_id: str | None = None
    types: Sequence[str] | None = None
    after_position: int = 0
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class KernelRun:
    """One life of a kernel (or script). `ended_at_us` is None while it runs and when it was killed; `alive` tells
    the two apart. `last_seq` (highest) and `stored` (how many) tell of its events; None when the store does not say."""

    id: str
    notebook: str | None
    started_at_us: int
    ended_at_us: int | None
    alive: bool
    last_seq: int | None = None
    stored: int | None = None


class IEventStore(Protocol):
    """Where events become durable. Methods are plain and thread-safe; `append` never blocks on the disk."""

    @property
    def kernel_run_id(self) -> str: ...
    @property
    def degraded(self) -> str | None: ...
    def append(
        self, type: str, session_id: str, data: Mapping[str, Any], content: Mapping[str, Any] | None = None
    ) -> Awaitable[None]: ...
    def flush(self, timeout_s: float | None = None) -> bool: ...
    def read(self, query: EventQuery) -> list[StoredEvent]: ...
    def runs(self) -> list[KernelRun]: ...
    def cursor(self, exporter: str) -> int: ...
    def advance(self, exporter: str, position: int) -> None: ...
    def close(self) -> None: ...


ToolFunction: TypeAlias = Callable[..., Any]
JsonObject: TypeAlias = dict[str, JsonValue]
