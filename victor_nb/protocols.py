"""Every interface that a user may implement, on one page, with the records that cross them.

Any object with the methods named here works: subclassing is optional, and a subclass need not call
`super().__init__()`. Methods may be `async def` or plain `def` unless a docstring says otherwise."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, TypeAlias, runtime_checkable

from pydantic import BaseModel, ConfigDict, field_serializer

from victor_nb.errors import ContextError
from victor_nb.messages import JsonValue, Message, ModelDelta, ModelReply, ModelRequest
from victor_nb.records import DeadLetter, EventQuery, KernelRun, Outbox, StoredEvent

Config: TypeAlias = dict[str, Any]


class AnalyticsEvent(BaseModel):
    """One thing that happened. `seq` has no gaps within a `kernel_run_id`, so that a loss can be seen. `timestamp` is
    an aware UTC datetime and `data` a JSON object; `model_dump()` is JSON-ready as it stands."""

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
    counts events that the destination has confirmed; `pending` those still to be delivered, `dead` those it refused.
    With `retryable=False` an exporter says that the same batch would fail again; with `retry_after_s`, when to ask."""

    success: bool
    exported_count: int = 0
    error: str | None = None
    pending: int = 0
    results: dict[str, ExportResult] = field(default_factory=dict[str, "ExportResult"])
    dead: int = 0
    retryable: bool = True
    retry_after_s: float | None = None


@dataclass
class Context:
    """The messages that a request would send, oldest first, the system message excepted."""

    messages: list[Message]
    metadata: dict[str, Any] = field(default_factory=dict[str, Any])


async def _cannot(*_: Any) -> Any:
    raise ContextError("There is no model to ask here.", hint="Give the strategy to an AgentOrchestrator.")


@dataclass(frozen=True)
class CompactionBudget:
    """How small it should become: to `target_tokens`, counted by `count`; to `most_tokens` (0: the target) where less
    would lose what matters. `ask(messages, model)` is a model's answer (None: the conversation's), on record as a
    `compaction`; `embed(texts, embedder)` a vector for each text (None: the configured one). Both raise VictorError."""

    target_tokens: int
    window_tokens: int
    count: Callable[[Sequence[Message]], int]
    ask: Callable[[Sequence[Message], Any], Awaitable[str]] = _cannot
    embed: Callable[[Sequence[str], Any], Awaitable[Sequence[Sequence[float]]]] = _cannot
    most_tokens: int = 0


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


class IMiddleware(Protocol):
    """Stands around each model request (a `ModelRequest`; `next` gives its `ModelReply`) and each tool call (a
    `ToolRequest`; `next` gives its `ToolOutcome`). It calls `next(request)` once, perhaps with another request, or
    answers itself, or raises `DeniedError`."""

    async def __call__(self, request: Any, next: Callable[[Any], Awaitable[Any]], /) -> Any: ...


class IAnalyticsExporter(Protocol):
    """A destination of events. Delivery is at least once: `event.id` identifies an event for good."""

    async def export(self, events: list[AnalyticsEvent]) -> ExportResult: ...


@runtime_checkable
class IChatModel(Protocol):
    """A model as the turn loop sees it. `stream` yields deltas and, last, one `ModelReply`; closing it early closes the
    connection. Failures are `ModelRequestError`s. `base_url` is None without a wire, `context_window` unless known."""

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


class IEventStore(Protocol):
    """Where events become durable. Methods are plain and thread-safe; `append` never blocks on the disk.

    `accepted` is the highest `seq` given out in this run. `open_channel` gives a number that no other recorder of this
    run has. `claim` gives an exporter its outbox of this run and channel, made when new, behind those that kernels
    which are gone have left to the same exporter: they belong to this run from now on, and no other is given them.
    `save_outbox` remembers how far it has come and sets `dead` aside; `settle` counts those as delivered after all.
    """

    @property
    def kernel_run_id(self) -> str: ...
    @property
    def degraded(self) -> str | None: ...
    @property
    def accepted(self) -> int: ...
    def open_channel(self) -> int: ...
    def append(
        self,
        type: str,
        session_id: str,
        data: Mapping[str, Any],
        content: Mapping[str, Any] | None = None,
        *,
        channel: int = 0,
    ) -> Awaitable[None]: ...
    def flush(self, timeout_s: float | None = None) -> bool: ...
    def read(self, query: EventQuery) -> list[StoredEvent]: ...
    def positions(self, query: EventQuery) -> list[int]: ...
    def runs(self) -> list[KernelRun]: ...
    def claim(self, exporter: str, channel: int) -> list[Outbox]: ...
    def save_outbox(self, outbox: Outbox, dead: Sequence[DeadLetter] = ()) -> None: ...
    def outboxes(self) -> list[Outbox]: ...
    def dead_letters(self, exporter: str | None = None) -> list[DeadLetter]: ...
    def settle(self, delivered: Sequence[DeadLetter]) -> None: ...
    def close(self) -> None: ...


@runtime_checkable
class IStoreUpkeep(Protocol):
    """What a store can do about its own size, when it can. Methods block until they are done."""

    def size_bytes(self) -> int: ...
    def prune(self, before_us: int, *, undelivered: bool = False) -> int: ...
    def vacuum(self) -> None: ...
    def backup(self, path: Path) -> None: ...


ToolFunction: TypeAlias = Callable[..., Any]
Embedder: TypeAlias = Callable[[Sequence[str]], Any]  # a vector for each text, all of one length; plain or async
JsonObject: TypeAlias = dict[str, JsonValue]
