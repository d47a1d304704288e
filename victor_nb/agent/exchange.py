"""One question of a turn to the model and its answer: what is sent, and what is learned of what came back.

The context coordinator decides what is sent; when the provider says that it does not fit, it compacts once and asks
again.
"""

from __future__ import annotations

from victor_nb.agent.budget import Purse
from victor_nb.agent.coordinators.context_coordinator import ContextCoordinator, Prepared
from victor_nb.agent.inquiry import Emit, Inquiry
from victor_nb.agent.middleware import Middlewares
from victor_nb.agent.plan import TurnPlan
from victor_nb.agent.recorder import TurnRecorder
from victor_nb.errors import ContextOverflowError
from victor_nb.messages import ModelReply, ModelRequest


class Exchange:
    """Asks the model of a plan."""

    def __init__(
        self,
        context: ContextCoordinator,
        session_id: str,
        plan: TurnPlan,
        recorder: TurnRecorder,
        middlewares: Middlewares,
        purse: Purse,
        emit: Emit | None,
    ) -> None:
        self._context = context
        self._session_id = session_id
        self._plan = plan
        self._recorder = recorder
        self._inquiry = Inquiry(plan.used, recorder, middlewares, purse, emit)

    @property
    def partial(self) -> str:
        """The text of an answer that was cut off; empty otherwise."""
        return self._inquiry.partial

    async def ask(self) -> ModelReply:
        """The model's answer to the conversation as it stands.

        Raises:
            ModelRequestError: the provider failed.
            DeniedError: a middleware refused.
            BudgetError: it would cost more than may be spent.
            ContextError: the conversation cannot be made to fit.
        """
        try:
            return await self._ask_once()
        except ContextOverflowError:
            if self.partial:
                raise
            self._recorder.compaction(await self._context.force_compact(self._session_id, trigger="overflow"))
            return await self._ask_once()

    async def prepare(self) -> tuple[Prepared, ModelRequest]:
        """The next request, compacted where it has to be.

        Raises:
            ContextError: the conversation cannot be made to fit.
        """
        prepared, plan = await self._prepared(), self._plan
        request = ModelRequest(
            prepared.messages,
            plan.offered,
            plan.model_settings,
            plan.output.spec if plan.output else None,
            session_id=self._session_id,
            turn_id=self._recorder.turn_id,
        )
        return prepared, request

    async def _ask_once(self) -> ModelReply:
        prepared, request = await self.prepare()
        reply = await self._inquiry.ask(request, prepared.tokens)
        self._observe(prepared)
        return reply

    def _observe(self, prepared: Prepared) -> None:
        """What the provider counted in what was prepared; not of what a middleware changed, or answered itself."""
        sent, answered = self._inquiry.sent, self._inquiry.answered
        if sent is None or answered is None or answered.usage.source != "reported":
            return
        if sent.messages is prepared.messages and sent.tools is self._plan.offered:
            self._context.observe(self._session_id, answered.usage.input_tokens)

    async def _prepared(self) -> Prepared:
        plan, output = self._plan, self._plan.output
        prepared = await self._context.prepare(
            self._session_id,
            system=plan.system,
            tools=(*plan.offered, output.spec) if output else plan.offered,
            model_key=plan.model.name,
            window=plan.used.window_tokens,
            window_source=plan.used.window_source,
            threshold=plan.compaction_threshold,
            target=plan.compaction_target,
            reserved_output=plan.reserved_output_tokens,
        )
        if prepared.compaction:
            self._recorder.compaction(prepared.compaction)
        self._recorder.totals.context_tokens = prepared.tokens
        self._recorder.totals.context_fraction = prepared.fraction
        return prepared
