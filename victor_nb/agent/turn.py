"""One turn: plan, ask the model, run the tools that it calls, ask again, until it has answered.

A turn that fails leaves the conversation as it was before; one that is interrupted leaves the partial answer, marked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from victor_nb.agent.coordinators.context_coordinator import ContextCoordinator
from victor_nb.agent.exchange import Emit, Exchange
from victor_nb.agent.output import OutputType
from victor_nb.agent.plan import Planner, TurnCall, TurnPlan
from victor_nb.agent.recorder import TurnOrigin, TurnRecorder, sha256_of
from victor_nb.agent.tools import ToolOutcome
from victor_nb.context.tokens import estimate_text
from victor_nb.errors import OutputError, ToolLimitError
from victor_nb.messages import (
    ChatChunk,
    ChatResponse,
    Message,
    ModelReply,
    ToolCall,
    ToolResult,
    TurnStatus,
    Usage,
)
from victor_nb.protocols import IToolRunner

INTERRUPTED = "interrupted by the user"
_OUTPUT_ATTEMPTS = 3


@dataclass
class _Result:
    """What the turn has brought so far."""

    texts: list[str] = field(default_factory=list[str])
    tools: list[ToolResult] = field(default_factory=list[ToolResult])
    reasoning: str = ""
    reply: ModelReply | None = None
    output: Any = None
    output_attempts: int = 0

    @property
    def text(self) -> str:
        return "\n\n".join(text for text in self.texts if text)


class Turn:
    """Runs one call in a session. After an interruption `response` holds what there was.

    Raises:
        UsageError: a tool has the name of the one that takes the typed answer.
    """

    def __init__(
        self,
        call: TurnCall,
        planner: Planner,
        context: ContextCoordinator,
        tool_runner: IToolRunner,
        recorder: TurnRecorder,
    ) -> None:
        if call.output:
            call.output.check_name_is_free(call.toolbox)
        self.response: ChatResponse | None = None
        self._call = call
        self._planner = planner
        self._context = context
        self._conversation = context.conversation(call.session_id)
        self._tool_runner = tool_runner
        self._recorder = recorder
        self._result = _Result()
        self._plan: TurnPlan | None = None
        self._exchange: Exchange | None = None

    async def run(self, origin: TurnOrigin, turn_index: int, emit: Emit | None) -> ChatResponse:
        """The whole turn; with `emit` the answer is streamed to it. Returns once the turn is on disk.

        Raises:
            VictorError: what went wrong; the conversation is as it was before the turn.
            asyncio.CancelledError: the turn was interrupted.
        """
        self._begin(origin, turn_index, streamed=emit is not None)
        try:
            await self._converse(emit)
        except (asyncio.CancelledError, KeyboardInterrupt):
            self._interrupted()
            raise
        except BaseException as error:
            self._conversation.rollback_turn()
            self._completed("error", error)
            raise
        self._conversation.commit_turn()
        self.response = self._respond("ok")
        await self._completed("ok")
        return self.response

    def _begin(self, origin: TurnOrigin, turn_index: int, *, streamed: bool) -> None:
        call = self._call
        self._recorder.turn_started(
            {
                "turn_id": self._recorder.turn_id,
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
            },
            call.message,
        )
        self._conversation.begin_turn(self._recorder.turn_id)
        self._append("user", call.message)

    async def _converse(self, emit: Emit | None) -> None:
        self._plan = plan = await self._planner.plan(self._call, self._recorder)
        self._exchange = Exchange(self._context, self._call.session_id, plan, self._recorder, emit)
        for _ in range(plan.max_tool_rounds + 1):
            reply = await self._exchange.ask()
            self._keep(reply)
            await self._run_tools(plan, reply.message.tool_calls, emit)
            if self._is_answered(plan.output, reply.message):
                return
        raise ToolLimitError(
            f"the model was still calling tools after {plan.max_tool_rounds} rounds.",
            hint="ask for less at once, or raise the setting max_tool_rounds",
        )

    def _keep(self, reply: ModelReply) -> None:
        self._result.reply = reply
        self._result.texts.append(reply.message.content)
        self._result.reasoning += reply.reasoning
        self._conversation.append(reply.message)

    def _append(self, role: Any, content: str, call: ToolCall | None = None) -> None:
        call_id, name = (call.id, call.name) if call else (None, None)
        turn_id = self._recorder.turn_id
        self._conversation.append(Message(role, content, tool_call_id=call_id, tool_name=name, turn_id=turn_id))

    def _is_answered(self, output: OutputType | None, message: Message) -> bool:
        if output is None:
            return not message.tool_calls
        call = output.call_in(message)
        if call is None and message.tool_calls:
            return False
        return self._take_output(output, call, message.content)

    def _take_output(self, output: OutputType, call: ToolCall | None, text: str) -> bool:
        """Whether the answer is of the requested type; if not, the model is told why and may try again."""
        try:
            self._result.output = output.parse(call.arguments if call else text, from_tool=call is not None)
        except OutputError as error:
            self._result.output_attempts += 1
            if self._result.output_attempts == _OUTPUT_ATTEMPTS:
                raise
            self._answer_output(call, f"{error.message} Try again.")
            return False
        if call:
            self._result.texts.append(call.arguments)
            self._answer_output(call, "accepted")
        return True

    def _answer_output(self, call: ToolCall | None, text: str) -> None:
        self._append("tool" if call else "user", text, call)
        if call:
            self._conversation.close_open_calls("not used: only the first final answer counts")

    async def _run_tools(self, plan: TurnPlan, calls: Sequence[ToolCall], emit: Emit | None) -> None:
        answer = plan.output.spec.name if plan.output else None
        for call in calls:
            if call.name == answer:
                continue
            if emit:
                emit(ChatChunk(tool_started=call))
            result = await self._run_tool(plan, call)
            if emit:
                emit(ChatChunk(tool_finished=result))

    async def _run_tool(self, plan: TurnPlan, call: ToolCall) -> ToolResult:
        repeated = any((call.name, call.arguments) == (done.name, done.arguments) for done in self._result.tools)
        recording = self._recorder.tool_started(call)
        try:
            outcome = await plan.toolbox.dispatch(call, self._tool_runner)
        except BaseException as error:
            recording.broke_off(error)
            raise
        outcome = _fitted(outcome, plan.max_result_tokens)
        recording.completed(outcome, repeated=repeated)
        result = ToolResult(call.id, call.name, call.arguments, outcome.text, outcome.status, outcome.duration_s)
        self._result.tools.append(result)
        self._append("tool", outcome.text, call)
        return result

    def _interrupted(self) -> None:
        partial = self._exchange.partial if self._exchange else ""
        if partial:
            self._append("assistant", f"{partial}\n\n[{INTERRUPTED}]")
            self._result.texts.append(partial)
        if partial or self._result.reply:
            self._conversation.close_open_calls(INTERRUPTED)
            self._conversation.commit_turn()
        else:
            self._conversation.rollback_turn()
        self.response = self._respond("interrupted")
        self._completed("interrupted")

    def _respond(self, status: TurnStatus) -> ChatResponse:
        result, totals = self._result, self._recorder.totals
        model, provider = self._identity()
        return ChatResponse(
            content=result.text,
            usage=totals.usage or Usage(source="unmeasured"),
            model=model or "",
            provider=provider or "",
            session_id=self._call.session_id,
            turn_id=self._recorder.turn_id,
            status=status,
            cost_usd=totals.cost_usd,
            tool_calls=tuple(result.tools),
            finish_reason=result.reply.finish_reason if result.reply else None,
            duration_s=self._recorder.elapsed_s,
            time_to_first_token_s=totals.time_to_first_token_s,
            reasoning=result.reasoning,
            output=result.output,
        )

    def _identity(self) -> tuple[str | None, str | None]:
        """Model and provider: those that answered, else those that were to be asked."""
        if self._result.reply:
            return self._result.reply.model, self._result.reply.provider
        if self._plan:
            return self._plan.model.name, self._plan.model.provider
        return None, None

    def _completed(self, status: TurnStatus, error: BaseException | None = None) -> Awaitable[None]:
        model, provider = self._identity()
        reply = self._result.reply
        partial = self._exchange.partial if self._exchange and error else ""
        return self._recorder.turn_completed(
            status,
            model=model,
            provider=provider,
            response=self._result.text or partial,
            finish_reason=reply.finish_reason if reply else None,
            error=error,
        )


def _fitted(outcome: ToolOutcome, max_tokens: int) -> ToolOutcome:
    """The outcome with its text cut to about `max_tokens`, which the text says."""
    tokens = estimate_text(outcome.text)
    if tokens <= max_tokens:
        return outcome
    kept = outcome.text[: len(outcome.text) * max_tokens // tokens]
    note = (
        f"[cut here: the whole result has about {tokens:,} tokens, and the model's window has room for {max_tokens:,}]"
    )
    return replace(outcome, text=f"{kept}\n{note}", truncated=True)
