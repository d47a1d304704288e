"""One turn: plan, ask the model, run the tools that it calls, ask again, until it has answered.

A turn that fails leaves the conversation as it was before; one that is interrupted, or stopped for its many tool calls
or for its cost, leaves what there was, marked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from victor_nb.agent.budget import Purse
from victor_nb.agent.continuation import INTERRUPTED, Cut, cut_of, marked
from victor_nb.agent.coordinators.context_coordinator import ContextCoordinator, Prepared
from victor_nb.agent.exchange import Exchange
from victor_nb.agent.inquiry import Emit
from victor_nb.agent.interruption import leave
from victor_nb.agent.middleware import Middlewares
from victor_nb.agent.output import REPAIR_ROUNDS, OutputType, repair_request, unrepaired
from victor_nb.agent.plan import Planner, TurnCall, TurnPlan
from victor_nb.agent.recorder import TurnOrigin, TurnRecorder, sha256_of
from victor_nb.agent.tools.offers import Asked
from victor_nb.agent.tools.rounds import ToolRounds, ToolSite
from victor_nb.context.conversation import Conversation
from victor_nb.errors import BudgetError, OutputError, ToolLimitError
from victor_nb.messages import ChatResponse, Message, ModelReply, ModelRequest, Role, ToolCall, TurnStatus, Usage

Stop = TypeVar("Stop", ToolLimitError, BudgetError)
OUT_OF_BUDGET = "stopped by the budget, before there was an answer"


@dataclass
class _Result:
    """What the turn has brought so far."""

    texts: list[str] = field(default_factory=list[str])
    reasoning: str = ""
    reply: ModelReply | None = None
    output: Any = None
    typed: bool = False
    repairs: int = 0

    @property
    def text(self) -> str:
        return "\n\n".join(text for text in self.texts if text)


class Turn:
    """Runs one call in a session. `response` holds what there was when it has been interrupted, or stopped for its
    many tool calls.

    Raises:
        UsageError: a tool has the name of the one that takes the typed answer.
    """

    def __init__(
        self,
        call: TurnCall,
        planner: Planner,
        context: ContextCoordinator,
        site: ToolSite,
        middlewares: Middlewares,
        recorder: TurnRecorder,
        purse: Purse,
    ) -> None:
        if call.output:
            call.output.check_name_is_free(call.toolbox)
        self.response: ChatResponse | None = None
        self.recorder = recorder
        self.purse = purse
        self.plan: TurnPlan | None = None
        self._call = call
        self._planner = planner
        self._context = context
        self._middlewares = middlewares
        self._rounds = ToolRounds(site, middlewares, recorder, call.session_id, self._append_result)
        self._conversation: Conversation | None = None
        self.replaces: str | None = None
        self._result = _Result()
        self._exchange: Exchange | None = None

    async def run(self, origin: TurnOrigin, turn_index: int, emit: Emit | None) -> ChatResponse:
        """The whole turn; with `emit` the answer is streamed to it. Returns once turn and conversation are on disk.

        Raises:
            VictorError: what went wrong; the conversation is as it was before the turn.
            ToolLimitError: … but for this one, which keeps the work so far, and
            BudgetError: … this one, when there is any.
            asyncio.CancelledError: the turn was interrupted; `interruption.left_by` tells what there was.
        """
        try:
            await self._begin(origin, turn_index, streamed=emit is not None)
            await self._converse(emit)
            saved = self._open.commit_turn()
        except (asyncio.CancelledError, KeyboardInterrupt) as interruption:
            self._interrupted()
            leave(interruption, self.response)
            raise
        except _TooManyRounds as stopped:
            raise await self._stopped(*_limit_of_rounds(stopped.rounds)) from None
        except BaseException as error:
            if isinstance(error, BudgetError) and self._result.reply:
                raise await self._stopped(error, "", OUT_OF_BUDGET) from None
            self._roll_back()
            self._completed("error", error)
            raise
        self.response = self._respond("ok")
        await _both(saved, self._completed("ok"))
        return self.response

    async def _begin(self, origin: TurnOrigin, turn_index: int, *, streamed: bool) -> None:
        """Recorded also when the conversation cannot be opened."""
        try:
            conversation = await self._context.open(self._call.session_id)
            self.replaces = conversation.begin_turn(self.recorder.turn_id, origin.key, origin.execution)
            self._conversation = conversation
        finally:
            self._started(origin, turn_index, streamed)
        question = Message("user", self._call.message, images=self._call.images, turn_id=self.recorder.turn_id)
        self._append_result(question)

    def _started(self, origin: TurnOrigin, turn_index: int, streamed: bool) -> None:
        call = self._call
        self.recorder.turn_started(
            {
                "turn_id": self.recorder.turn_id,
                "turn_index": turn_index,
                "cell_id": origin.cell_id,
                "execution_count": origin.execution_count,
                "notebook": origin.notebook,
                "model": call.model if isinstance(call.model, str) else None,
                "provider": None,
                "streamed": streamed,
                "prompt_chars": len(call.message),
                "prompt_sha256": sha256_of(call.message),
                "tags": dict(sorted(origin.tags.items())),
                "replaces": self.replaces,
            },
            call.message,
        )

    async def _converse(self, emit: Emit | None) -> None:
        self.plan = plan = await self._plan()
        self._exchange = self._exchange_of(plan, emit)
        rounds = 0
        while True:
            reply = await self._exchange.ask()
            self._keep(reply)
            calls = [call for call in reply.message.tool_calls if not _is_answer(plan.output, call)]
            if calls and rounds == plan.max_tool_rounds:
                raise _TooManyRounds(rounds)
            if calls:
                rounds += 1
                await self._rounds.run(plan, calls, emit)
            if self._is_answered(plan.output, reply):
                return

    async def rehearse(self, origin: TurnOrigin) -> tuple[Prepared, ModelRequest]:
        """The first request, prepared as `run` does and not sent; `plan` tells the rest.

        Raises:
            VictorError: what `run` would raise before it sends anything.
        """
        await self._begin(origin, 0, streamed=False)
        self.plan = await self._plan()
        return await self._exchange_of(self.plan, None).prepare()

    def _exchange_of(self, plan: TurnPlan, emit: Emit | None) -> Exchange:
        session_id = self._call.session_id
        return Exchange(self._context, session_id, plan, self.recorder, self._middlewares, self.purse, emit)

    async def _plan(self) -> TurnPlan:
        call, conversation = self._call, self._open
        asked = Asked(call.session_id, self.recorder.turn_id, call.message, self.replaces, lambda: conversation.view)
        return await self._planner.plan(call, self.recorder, asked)

    @property
    def _open(self) -> Conversation:
        """The conversation, from `_begin` on."""
        assert self._conversation is not None
        return self._conversation

    def _keep(self, reply: ModelReply) -> None:
        self._result.reply = reply
        self._result.texts.append(reply.message.content)
        self._result.reasoning += reply.reasoning
        self._open.append(cut_of(reply))

    def _append(self, role: Role, content: str, call: ToolCall | None = None) -> None:
        call_id, name = (call.id, call.name) if call else (None, None)
        turn_id = self.recorder.turn_id
        self._append_result(Message(role, content, tool_call_id=call_id, tool_name=name, turn_id=turn_id))

    def _append_cut(self, content: str, why: Cut) -> None:
        self._append_result(marked(Message("assistant", content, turn_id=self.recorder.turn_id), why))

    def _append_result(self, message: Message) -> None:
        self._open.append(message)

    def _close_open_calls(self, text: str) -> None:
        self._open.close_open_calls(text)

    def _is_answered(self, output: OutputType | None, reply: ModelReply) -> bool:
        message = reply.message
        if output is None:
            return not message.tool_calls
        call = output.call_in(message)
        if call is None and message.tool_calls:
            return False
        try:
            self._result.output = output.parse(call.arguments if call else message.content, from_tool=call is not None)
        except OutputError as error:
            self._ask_to_repair(error, call, reply.finish_reason)
            return False
        self._result.typed = True
        if call:
            self._result.texts.append(call.arguments)
            self._answer_output(call, "accepted")
        return True

    def _ask_to_repair(self, error: OutputError, call: ToolCall | None, finish_reason: str | None) -> None:
        """The model is told what is wrong; the second time, the turn fails."""
        if self._result.repairs == REPAIR_ROUNDS:
            raise unrepaired(error, finish_reason) from None
        self._result.repairs += 1
        if call is None:
            self._result.texts.pop()
        self._answer_output(call, repair_request(error, from_tool=call is not None))

    def _answer_output(self, call: ToolCall | None, text: str) -> None:
        self._append("tool" if call else "user", text, call)
        if call:
            self._close_open_calls("not used: only the first final answer counts")

    def _roll_back(self) -> None:
        if self._conversation:  # else a turn that is in progress there is somebody else's
            self._conversation.rollback_turn()

    def _interrupted(self) -> None:
        try:
            self._keep_partial(self._exchange.partial if self._exchange else "")
        finally:
            self._roll_back()  # nothing, unless it could not be kept: then the next turn must find no other in progress
            self.response = self._respond("interrupted")
            self._completed("interrupted")

    def _keep_partial(self, partial: str) -> None:
        if partial:
            self._append_cut(f"{partial}\n\n[{INTERRUPTED}]", "interrupted")
            self._result.texts.append(partial)
        if partial or self._result.reply:
            self._close_open_calls(INTERRUPTED)
            self._open.commit_turn()
        else:
            self._roll_back()

    async def _stopped(self, error: Stop, not_made: str, note: str) -> Stop:
        """Keep what was done, and close it with a note, so that the conversation can go on from there."""
        self._close_open_calls(not_made)
        self._append_cut(f"[{note}]", "stopped")
        try:
            saved = self._open.commit_turn()
        finally:
            self._roll_back()  # as above
            error.response = self.response = self._respond("error")
            recorded = self._completed("error", error)
        await _both(saved, recorded)
        return error

    def _respond(self, status: TurnStatus) -> ChatResponse:
        result, totals = self._result, self.recorder.totals
        model, provider = self._identity()
        return ChatResponse(
            content=result.text,
            usage=totals.usage or Usage(source="unmeasured"),
            model=model or "",
            provider=provider or "",
            session_id=self._call.session_id,
            turn_id=self.recorder.turn_id,
            status=status,
            cost_usd=totals.cost_usd,
            tool_calls=tuple(self._rounds.results),
            finish_reason=result.reply.finish_reason if result.reply else None,
            duration_s=self.recorder.elapsed_s,
            time_to_first_token_s=totals.time_to_first_token_s,
            reasoning=result.reasoning,
            output=result.output,
            typed=result.typed,
            requests=totals.requests,
            context_fraction=totals.context_fraction,
        )

    def _identity(self) -> tuple[str | None, str | None]:
        """Model and provider: those that answered, else those that were to be asked."""
        if self._result.reply:
            return self._result.reply.model, self._result.reply.provider
        if self.plan:
            return self.plan.model.name, self.plan.model.provider
        return None, None

    def _completed(self, status: TurnStatus, error: BaseException | None = None) -> Awaitable[None]:
        model, provider = self._identity()
        reply = self._result.reply
        partial = self._exchange.partial if self._exchange and error else ""
        wrong = error.text if isinstance(error, OutputError) else ""
        return self.recorder.turn_completed(
            status,
            model=model,
            provider=provider,
            response=self._result.text or partial or wrong,
            finish_reason=reply.finish_reason if reply else None,
            error=error,
        )


def _limit_of_rounds(rounds: int) -> tuple[ToolLimitError, str, str]:
    error = ToolLimitError(
        f"the model was still calling tools after {rounds} rounds.",
        hint="what it did is kept: ask it to go on, or raise the setting max_tool_rounds",
    )
    not_made = f"not made: the limit of {rounds} rounds of tool calls was reached"
    return error, not_made, f"stopped after {rounds} rounds of tool calls, before there was an answer"


class _TooManyRounds(Exception):
    def __init__(self, rounds: int) -> None:
        self.rounds = rounds


def _is_answer(output: OutputType | None, call: ToolCall) -> bool:
    return output is not None and call.name == output.spec.name


async def _both(saved: Awaitable[None] | None, recorded: Awaitable[None]) -> None:
    """Both are being written already. The conversation was queued first, so that it is there when the event is."""
    await recorded
    if saved is not None:
        await saved
