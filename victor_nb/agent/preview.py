"""A turn that is planned and prepared as any other, and not sent: what would go out, how large it is and what it costs.

The way is the turn's own, on copies of what a turn changes. So what stands in a `RequestPreview` is what the model is
sent, as long as nothing has changed meanwhile; where that cannot be known without asking somebody, `notes` say so.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, NoReturn

from victor_nb.agent.budget import Purse, dollars, expected_cost
from victor_nb.agent.coordinators.analytics_coordinator import AnalyticsCoordinator
from victor_nb.agent.coordinators.context_coordinator import ContextCoordinator, Prepared
from victor_nb.agent.inquiry import ModelInUse
from victor_nb.agent.middleware import Middlewares
from victor_nb.agent.plan import Planner, TurnCall, TurnPlan
from victor_nb.agent.receipts import NothingRecorded
from victor_nb.agent.recorder import TurnOrigin, TurnRecorder
from victor_nb.agent.tools.rounds import ToolSite
from victor_nb.agent.turn import Turn
from victor_nb.context.compaction import CompactionRecord, WindowSource
from victor_nb.context.meter import Meter
from victor_nb.errors import ContextError
from victor_nb.events import EventContent
from victor_nb.messages import JsonValue, Message, ModelRequest, ToolSpec, Usage
from victor_nb.models.embeddings import TFIDF
from victor_nb.models.embeddings import embed as embed_texts
from victor_nb.models.keyless import KeylessModel
from victor_nb.protocols import IChatModel

_SOURCES: Final[dict[WindowSource, str]] = {
    "settings": "set",
    "profile": "the model's",
    "fallback": "assumed",
    "overflow": "the provider takes no more",
}


@dataclass(frozen=True)
class RequestPreview:
    """The first request of a turn, as it would be sent now. Tokens are about; money is US dollars.

    Attributes:
        messages: the system message first.
        settings: as `ModelRequest.settings`.
        output_tool: what takes the answer when an `output_type` was asked for.
        replaces: the turn whose place this one would take, since it comes from the same cell.
        window_source: who states the window: `settings`, `profile`, `fallback` (assumed) or `overflow`.
        input_tokens: of the whole request, tools included; no provider has counted `estimated_tokens` of them yet.
        cost_usd: of the input, as if nothing of it were cached; None when it is unknown, and `cost_note` says why.
        most_usd: with the whole of `max_tokens` as output; None without `max_tokens`.
        compaction: what was done to make it fit, if anything: the messages are those after it.
        refusal: why a budget would not let it be sent; None when it would.
        notes: what can be otherwise when it is sent, and why.
    """

    model: str
    provider: str
    session_id: str
    messages: tuple[Message, ...] = field(repr=False)
    tools: tuple[ToolSpec, ...] = field(repr=False)
    output_tool: ToolSpec | None
    settings: Mapping[str, JsonValue]
    replaces: str | None
    window_tokens: int
    window_source: WindowSource
    input_tokens: int
    estimated_tokens: int
    reserved_output_tokens: int
    cost_usd: float | None
    cost_source: str | None
    cost_note: str
    most_usd: float | None
    compaction: CompactionRecord | None
    refusal: str | None
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON; of a picture its type and size."""
        found = {name: getattr(self, name) for name in self.__dataclass_fields__}
        tools = [asdict(tool) for tool in self.tools]
        output = asdict(self.output_tool) if self.output_tool else None
        compaction = asdict(self.compaction) if self.compaction else None
        messages = [_as_json(message) for message in self.messages]
        changed = {"messages": messages, "tools": tools, "output_tool": output, "compaction": compaction}
        return {**found, **changed, "settings": dict(self.settings), "notes": list(self.notes)}

    @property
    def summary(self) -> str:
        """One line: to whom, how large, for how much, and whether it would be sent."""
        counted = f"{self.input_tokens:,} tokens in ({self.estimated_tokens:,} of them estimated)"
        room = f"{self.reserved_output_tokens:,} of them kept for the answer"
        window = f"window {self.window_tokens:,} ({_SOURCES[self.window_source]}), {room}"
        cost = self.cost_note if self.cost_usd is None else f"input about {dollars(self.cost_usd)}"
        most = "" if self.most_usd is None else f", at most {dollars(self.most_usd)}"
        return f"Not sent. {self.provider}:{self.model} · {counted} · {window} · {cost}{most}"

    @property
    def remarks(self) -> tuple[str, ...]:
        """What else is to be known, a sentence each."""
        found = [f"It takes the place of the turn {self.replaces}."] if self.replaces else []
        if self.compaction:
            before, after = self.compaction.tokens_before, self.compaction.tokens_after
            how = f"{self.compaction.strategy}, {self.compaction.outcome}"
            found.append(f"The conversation is made smaller first: {before:,} to {after:,} tokens ({how}).")
        found += [f"It would be refused: {self.refusal}"] if self.refusal else []
        return (*found, *self.notes)


def _as_json(message: Message) -> dict[str, Any]:
    calls = [asdict(call) for call in message.tool_calls]
    images = [{"media_type": image.media_type, "bytes": len(image.data)} for image in message.images]
    known = {"tool_calls": calls, "tool_call_id": message.tool_call_id, "tool_name": message.tool_name}
    more = {"images": images, "pinned": message.pinned}
    given = {name: value for name, value in {**known, **more}.items() if value}
    return {"role": message.role, "content": message.content, **given}


class SilentRecorder(TurnRecorder):
    """Counts as any other, and records nothing."""

    def record(self, type: str, data: Mapping[str, Any], content: EventContent | None = None) -> Awaitable[None]:
        return NothingRecorded()


class Rehearsal:
    """One turn that is prepared and not sent, with the parts of its orchestrator."""

    def __init__(
        self,
        call: TurnCall,
        planner: Planner,
        context: ContextCoordinator,
        analytics: AnalyticsCoordinator,
        site: ToolSite,
        purse: Purse,
        embedder: str | None,
    ) -> None:
        self._call = call
        self._planner = planner
        self._context = context
        self._recorder = SilentRecorder(analytics, call.session_id)
        self._site = site
        self._purse = purse
        self._embedder = embedder
        self._notes: list[str] = []

    async def preview(
        self, origin: TurnOrigin, resolve: Callable[[Any], Awaitable[IChatModel]], middlewares: int
    ) -> RequestPreview:
        """
        Raises:
            VictorError: what `chat` would raise before it sends anything.
        """
        context = await self._context.rehearsal(self._call.session_id, self._ask, self._embed)
        planner = self._planner.rehearsal(resolve, self._note)
        turn = Turn(self._call, planner, context, self._site, Middlewares(), self._recorder, self._purse)
        prepared, request = await turn.rehearse(origin)
        assert turn.plan is not None
        if isinstance(turn.plan.model, KeylessModel):
            self._note(f"It cannot be sent: {turn.plan.model.error}")
        if middlewares:
            self._note(f"Middleware ({middlewares}) stands around each request, and may change it; it was not asked.")
        meter = context.conversation(self._call.session_id).meter
        return self._told(turn.plan, prepared, request, meter, turn.replaces)

    def _told(
        self,
        plan: TurnPlan,
        prepared: Prepared,
        request: ModelRequest,
        meter: Meter,
        replaces: str | None,
    ) -> RequestPreview:
        used, limits = plan.used, meter.limits
        cost, source, why = _cost(used, prepared.tokens)
        refusal = self._purse.refusal(used, request.settings, prepared.tokens)
        most = expected_cost(used, prepared.tokens, request.settings) if "max_tokens" in request.settings else None
        return RequestPreview(
            model=used.model.name,
            provider=used.model.provider,
            session_id=request.session_id,
            messages=request.messages,
            tools=request.tools,
            output_tool=request.output_tool,
            settings=request.settings,
            replaces=replaces,
            window_tokens=limits.window if limits else used.window_tokens,
            window_source=limits.source if limits else used.window_source,
            input_tokens=prepared.tokens,
            estimated_tokens=meter.uncounted(),
            reserved_output_tokens=plan.reserved_output_tokens,
            cost_usd=cost,
            cost_source=source,
            cost_note=why,
            most_usd=None if cost is None else most,
            compaction=prepared.compaction,
            refusal=str(refusal) if refusal else None,
            notes=tuple(self._notes),
        )

    def _note(self, text: str) -> None:
        if text not in self._notes:
            self._notes.append(text)

    async def _ask(self, session_id: str, messages: Sequence[Message], model: Any) -> NoReturn:
        self._note("The conversation is made smaller by a model, which is not asked here: the messages may be others.")
        raise ContextError("a preview asks no model.")

    async def _embed(self, texts: Sequence[str], embedder: Any = None) -> Sequence[Sequence[float]]:
        if (embedder or self._embedder) in (None, TFIDF):
            return await embed_texts(texts, TFIDF)
        self._note("The conversation is made smaller with an embedder that is not asked here: messages may be others.")
        raise ContextError("a preview asks no embedder.")


def _cost(used: ModelInUse, tokens: int) -> tuple[float | None, str | None, str]:
    """US dollars, whose price it is, and why there is none."""
    cost, source = used.price_of(Usage(tokens))
    if cost is not None:
        return cost, source, ""
    if used.model.provider == "demo":
        return None, None, "no cost: it is no model"
    return None, None, "no price: it runs on a server of yours" if used.is_free else "its price is unknown"
