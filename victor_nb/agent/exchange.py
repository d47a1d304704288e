"""One question to the model and its answer: what is sent, what comes back, and both on record.

The context coordinator decides what is sent; when the provider says that it does not fit, it compacts once and asks
again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import cast

from victor_nb.agent.coordinators.context_coordinator import ContextCoordinator
from victor_nb.agent.plan import TurnPlan
from victor_nb.agent.recorder import RequestRecorder, TurnRecorder
from victor_nb.context.tokens import estimate_text
from victor_nb.errors import ContextOverflowError, ModelResponseError
from victor_nb.messages import ChatChunk, ModelDelta, ModelReply, ModelRequest, Usage

Emit = Callable[[ChatChunk], None]


class Exchange:
    """Asks the model of a plan. `partial` is the text of an answer that was cut off, and empty otherwise."""

    def __init__(
        self,
        context: ContextCoordinator,
        session_id: str,
        plan: TurnPlan,
        recorder: TurnRecorder,
        emit: Emit | None,
    ) -> None:
        self.partial = ""
        self.reasoning = ""
        self._context = context
        self._session_id = session_id
        self._plan = plan
        self._recorder = recorder
        self._emit = emit

    async def ask(self) -> ModelReply:
        """The model's answer to the conversation as it stands.

        Raises:
            ModelRequestError: the provider failed.
            ContextError: the conversation cannot be made to fit.
        """
        try:
            return await self._ask_once()
        except ContextOverflowError:
            if self.partial:
                raise
            self._recorder.compaction(await self._context.force_compact(self._session_id, trigger="overflow"))
            return await self._ask_once()

    async def _ask_once(self) -> ModelReply:
        request = await self._prepared()
        recorder = self._started(request)
        self.partial = self.reasoning = ""
        try:
            reply = await self._answer(request, recorder)
        except (asyncio.CancelledError, KeyboardInterrupt):
            recorder.interrupted(self._estimated_usage())
            raise
        except BaseException as error:
            recorder.failed(error)
            raise
        self.partial = ""
        recorder.completed(reply)
        if reply.usage.source == "reported":
            self._context.observe(self._session_id, reply.usage.input_tokens)
        return reply

    async def _prepared(self) -> ModelRequest:
        plan, specs = self._plan, self._plan.toolbox.specs
        output_tool = plan.output.spec if plan.output else None
        prepared = await self._context.prepare(
            self._session_id,
            system=plan.system,
            tools=(*specs, output_tool) if output_tool else specs,
            model_key=plan.model.name,
            window=plan.window_tokens,
            threshold=plan.compaction_threshold,
            target=plan.compaction_target,
            reserved_output=plan.reserved_output_tokens,
        )
        if prepared.compaction:
            self._recorder.compaction(prepared.compaction)
        self._recorder.totals.context_tokens = prepared.tokens
        self._recorder.totals.context_fraction = prepared.fraction
        return ModelRequest(prepared.messages, specs, plan.model_settings, output_tool)

    def _started(self, request: ModelRequest) -> RequestRecorder:
        model, settings = self._plan.model, request.settings
        recorder = RequestRecorder(self._recorder, purpose="chat", model=model.name, provider=model.provider)
        recorder.started(
            temperature=cast("float | None", settings.get("temperature")),
            max_tokens=cast("int | None", settings.get("max_tokens")),
            messages=len(request.messages),
            tools=len(request.tools),
        )
        return recorder

    async def _answer(self, request: ModelRequest, recorder: RequestRecorder) -> ModelReply:
        if self._emit is None:
            return await self._plan.model.request(request)
        stream = self._plan.model.stream(request)
        try:
            async for item in stream:
                if isinstance(item, ModelReply):
                    return item
                recorder.first_token()
                self._show(item, self._emit)
        finally:
            if isinstance(stream, AsyncGenerator):
                await stream.aclose()  # closes the connection of an answer that nobody reads on
        raise ModelResponseError(f"{self._plan.model.name} ended its stream without an answer.")

    def _show(self, delta: ModelDelta, emit: Emit) -> None:
        self.partial += delta.text
        self.reasoning += delta.reasoning
        if delta.text or delta.reasoning:
            emit(ChatChunk(content=delta.text, reasoning=delta.reasoning))

    def _estimated_usage(self) -> Usage:
        sent = self._recorder.totals.context_tokens or 0
        source = "unmeasured" if self._plan.model.provider == "demo" else "estimated"
        return Usage(sent, estimate_text(self.partial + self.reasoning), source=source)
