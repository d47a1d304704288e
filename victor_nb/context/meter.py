"""Counts a session's requests: what the provider reported, what is new since then, and what goes along each time
(system prompt and tools). It knows the limits of the last request and when a compaction may be tried again.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass

from victor_nb.context.compaction import Limits
from victor_nb.context.tokens import PER_MESSAGE, TokenCounter, estimate_text, estimate_tools
from victor_nb.messages import Message, ToolSpec


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a meter has learned, so that a turn that is run again counts as it did the first time. `limits` are the
    fields of `Limits`, as a conversation that is opened again shows them until its next request."""

    model_key: str | None = None
    ratio: float = 1.0
    offset: float = 0.0
    retry_at: int = 0
    overflow: int | None = None
    limits: Sequence[int | str] | None = None


class Meter:
    """Tokens of one session's requests."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits
        self.model_key: str | None = None
        self.retry_at = 0
        self._counter = TokenCounter()
        self._sent = 0
        self._observed = 0
        self._overflow: int | None = None
        self._system = Message("system", "")
        self._tools: tuple[ToolSpec, ...] = ()
        self._overhead = 0

    @property
    def ratio(self) -> float:
        """Reported tokens per estimated token."""
        return self._counter.ratio

    @property
    def offset(self) -> float:
        """Tokens of every request that no estimate accounts for."""
        return self._counter.offset

    @property
    def calibration(self) -> Calibration:
        counter, limits = self._counter, self.limits and [getattr(self.limits, name) for name in Limits.__slots__]
        return Calibration(self.model_key, counter.ratio, counter.offset, self.retry_at, self._overflow, limits)

    def restore(self, learned: Calibration) -> None:
        self.model_key, self.retry_at, self._overflow = learned.model_key, learned.retry_at, learned.overflow
        self._counter = TokenCounter(learned.ratio, learned.offset)
        self._observed = 0
        if self.limits is None and learned.limits:
            self.limits = Limits(*learned.limits)  # pyright: ignore[reportArgumentType] (checked when it was read)

    def use_model(self, model_key: str, ratio: float) -> None:
        """Count for this model; `ratio` is what was learned of it elsewhere."""
        if model_key != self.model_key:
            self.restore(Calibration(model_key, ratio))

    def use_overhead(self, system: str, tools: Sequence[ToolSpec]) -> Message:
        """Count this system prompt and these tools too; the system message is the same object until it changes."""
        given = tuple(tools)
        if system != self._system.content or given != self._tools or not self._overhead:
            if system != self._system.content:
                self._system = Message("system", system)
            self._tools = given
            self._overhead = PER_MESSAGE + estimate_text(system) + estimate_tools(given)
        return self._system

    def tokens(self, estimated: int) -> int:
        """Tokens of a request with messages of so many estimated tokens, the system message excepted."""
        return self._counter.count(estimated + self._overhead)

    def share(self, estimated: int) -> int:
        """Tokens that so many estimated ones are about."""
        return round(self._counter.ratio * estimated)

    def overhead(self) -> tuple[int, int]:
        """Tokens of the system prompt and of the tools, about."""
        tools = estimate_tools(self._tools)
        return self.share(self._overhead - tools), self.share(tools)

    def sent(self, estimated: int) -> None:
        """A request with messages of so many estimated tokens is what `observe` will tell of."""
        self._sent = estimated + self._overhead

    def overflowed(self) -> None:
        """What was last sent did not fit, so the window is smaller than stated, or the count too low."""
        self._overflow = min(self._sent, self._overflow or self._sent)

    def largest(self, window: int) -> int:
        """The stated window, or less when less has overflowed."""
        return window if self._overflow is None else max(min(window, self._counter.count(self._overflow)), 1)

    def observe(self, reported_input_tokens: int) -> None:
        """The provider counted so many input tokens in what was last sent."""
        self._counter.observe(reported_input_tokens, self._sent)
        self._observed = self._sent

    def copy(self) -> Meter:
        twin = copy(self)
        twin._counter = TokenCounter(self._counter.ratio, self._counter.offset)
        return twin

    def uncounted(self) -> int:
        """How many tokens of what was last sent no provider has counted: what is new since the last report, or all of
        them where it is no longer the beginning of what is sent."""
        tokens = self._counter.count(self._sent)
        known = self._observed and self._observed <= self._sent
        return tokens - self._counter.count(self._observed) if known else tokens
