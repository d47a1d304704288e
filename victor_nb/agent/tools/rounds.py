"""The tool calls of one answer: run together, each on record, their results in the order of the calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from victor_nb import clock
from victor_nb.agent.inquiry import Emit
from victor_nb.agent.middleware import Middlewares
from victor_nb.agent.plan import TurnPlan
from victor_nb.agent.recorder import TurnRecorder
from victor_nb.agent.tools.approval import Approve
from victor_nb.agent.tools.calls import run_calls, same_calls, with_warning
from victor_nb.agent.tools.dispatch import CallSite
from victor_nb.agent.tools.outcome import ToolOutcome
from victor_nb.context.tokens import estimate_text
from victor_nb.messages import ChatChunk, Message, ToolCall, ToolResult
from victor_nb.protocols import IToolRunner


@dataclass(frozen=True)
class ToolSite:
    """Where the tools of an orchestrator run, and who approves of a call; None where nobody can."""

    runner: IToolRunner
    approve: Callable[[], Approve | None]


class ToolRounds:
    """Runs the calls of a turn. `results` are those that came back, `append` takes each as a message."""

    def __init__(
        self,
        site: ToolSite,
        middlewares: Middlewares,
        recorder: TurnRecorder,
        session_id: str,
        append: Callable[[Message], object],
    ) -> None:
        self.results: list[ToolResult] = []
        self._site = site
        self._middlewares = middlewares
        self._recorder = recorder
        self._session_id = session_id
        self._append = append
        self._seen: set[tuple[str, str]] = set()

    async def run(self, plan: TurnPlan, calls: Sequence[ToolCall], emit: Emit | None) -> None:
        """Results that came before one of the calls was interrupted, or raised, are kept."""
        site = self._call_site(len(calls))
        most = 2 * plan.max_result_tokens // max(len(calls), 2)  # together at most half of what is free
        watch = clock.Stopwatch()
        try:
            limit = 1 if clock.is_recorded() else plan.max_parallel_tools  # in one order, the same every time
            await run_calls(calls, lambda call: self._one(plan, call, site, most, emit), self._keep, limit=limit)
        finally:
            self._recorder.totals.tool_wall_s += watch.elapsed_s

    def _call_site(self, calls: int) -> CallSite:
        return CallSite(
            self._site.runner,
            self._site.approve(),
            around=self._middlewares.around_tool if self._middlewares else None,
            decided=self._recorder.approval_decided,
            session_id=self._session_id,
            turn_id=self._recorder.turn_id,
            queued=calls,
        )

    async def _one(self, plan: TurnPlan, call: ToolCall, site: CallSite, most: int, emit: Emit | None) -> ToolOutcome:
        same = same_calls(call, self.results)
        repeated = bool(same) or (call.name, call.arguments) in self._seen
        self._seen.add((call.name, call.arguments))
        recording = self._recorder.tool_started(call)
        if emit:
            emit(ChatChunk(tool_started=call))
        try:
            outcome = with_warning(await plan.toolbox.dispatch(call, site), same)
        except BaseException as error:
            recording.broke_off(error)
            raise
        outcome = _fitted(outcome, most)
        recording.completed(outcome, repeated=repeated)
        if emit:
            emit(ChatChunk(tool_finished=_result(outcome)))
        return outcome

    def _keep(self, outcome: ToolOutcome) -> None:
        call = outcome.call
        self.results.append(_result(outcome))
        self._append(Message("tool", outcome.text, tool_call_id=call.id, tool_name=call.name, images=outcome.images))


def _result(outcome: ToolOutcome) -> ToolResult:
    call = outcome.call
    return ToolResult(call.id, call.name, call.arguments, outcome.text, outcome.status, outcome.duration_s)


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
