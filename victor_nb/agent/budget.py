"""What may be spent: a budget counts what requests cost, and is asked before each of them.

A request is refused when what was spent, what other requests that run now are expected to cost, and what this one is
expected to cost exceed the limit. Expected is the price of its input, and of `max_tokens` of output where that is set:
without it nobody knows how long the answer is going to be, so that one answer may go over.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, TypeAlias

from victor_nb.agent.inquiry import ModelInUse
from victor_nb.agent.recorder import SessionRecorder
from victor_nb.errors import BudgetError, UsageError
from victor_nb.host import lent
from victor_nb.messages import JsonValue, ModelRequest, Usage

Scope: TypeAlias = Literal["kernel", "turn"]


@dataclass(frozen=True, slots=True)
class BudgetState:
    """US dollars. `spent_usd` counts since the limit was set, `total_usd` since the budget was made; `unknown_turns`
    are turns since the limit was set that had a request whose price is not known."""

    limit_usd: float | None
    spent_usd: float
    total_usd: float
    unknown_turns: int

    @property
    def left_usd(self) -> float | None:
        return None if self.limit_usd is None else max(self.limit_usd - self.spent_usd, 0.0)


class Budget:
    """A limit and what was spent, of all requests that share it, on whatever thread they run.

    Raises UsageError when the limit is no number above 0.
    """

    def __init__(self, limit_usd: float | None = None) -> None:
        self._limit = None if limit_usd is None else checked_dollars("budget_usd", limit_usd)
        self._is_set = limit_usd is not None
        self._guard = threading.Lock()
        self._total = self._before = self._reserved = 0.0
        self._unknown: set[str] = set()

    def set_limit(self, limit_usd: float | None) -> None:
        """From now on this much may be spent; None takes the limit away, also the one of the settings.

        Raises UsageError when it is no number above 0.
        """
        limit = None if limit_usd is None else checked_dollars("budget_usd", limit_usd)
        with self._guard:
            self._limit, self._is_set, self._before = limit, True, self._total
            self._unknown.clear()

    def state(self, setting_usd: float | None = None) -> BudgetState:
        """As it is now; `setting_usd` is the limit where none was set by hand."""
        with self._guard:
            limit = self._limit if self._is_set else setting_usd
            return BudgetState(limit, self._total - self._before, self._total, len(self._unknown))

    def reserve(self, usd: float, setting_usd: float | None = None) -> BudgetState | None:
        """Put `usd` aside for a request; where that is too much, nothing, and the state tells by how much."""
        with self._guard:
            limit = self._limit if self._is_set else setting_usd
            spent = self._total - self._before + self._reserved
            if limit is None or usd == 0 or spent + usd <= limit:
                self._reserved += usd
                return None
            return BudgetState(limit, spent, self._total, len(self._unknown))

    def settle(self, reserved: float, spent: float | None, turn_id: str | None) -> None:
        """A request for which `reserved` was put aside is over; None is an unknown price."""
        with self._guard:
            self._reserved = max(self._reserved - reserved, 0.0)
            self._total += spent or 0.0
            if spent is None:
                self._unknown.add(turn_id or "")


class Purse:
    """The budgets that the requests of a turn are paid from. `setting_usd` is the kernel's limit where none was set by
    hand; `turn` is None outside of a turn, and where it has no limit of its own."""

    def __init__(self, kernel: Budget, setting_usd: float | None = None, turn: Budget | None = None) -> None:
        self._kernel = kernel
        self._setting = setting_usd
        self._turn = turn

    def admit(self, used: ModelInUse, request: ModelRequest, tokens: int, recorder: SessionRecorder) -> float:
        """What was put aside for a request of about `tokens` tokens; `settle` wants it back.

        Raises:
            BudgetError: it may not be sent. That is on record then.
        """
        if not self._limited():
            return 0.0
        expected = expected_cost(used, tokens, request.settings)
        error = self._refused(used, expected) if expected is None else self._reserved(expected)
        if error is None:
            return expected or 0.0
        facts = {"scope": error.scope, "limit_usd": error.limit_usd, "spent_usd": error.spent_usd}
        recorder.record("budget_exceeded", {**facts, "estimated_usd": error.estimated_usd})
        raise error

    def refusal(self, used: ModelInUse, settings: Mapping[str, JsonValue], tokens: int) -> BudgetError | None:
        """What `admit` would raise; nothing is put aside."""
        expected = expected_cost(used, tokens, settings) if self._limited() else 0.0
        if expected is None:
            return self._refused(used, expected)
        if error := self._reserved(expected):
            return error
        self._settle_all(expected, 0.0, None)
        return None

    def settle(self, reserved: float, spent: float | None, turn_id: str | None) -> None:
        self._settle_all(reserved, spent, turn_id)

    def _settle_all(self, reserved: float, spent: float | None, turn_id: str | None) -> None:
        for _, budget, _ in self._budgets():
            budget.settle(reserved, spent, turn_id)

    def _budgets(self) -> Sequence[tuple[Scope, Budget, float | None]]:
        kernel: tuple[Scope, Budget, float | None] = ("kernel", self._kernel, self._setting)
        return [("turn", self._turn, None), kernel] if self._turn else [kernel]

    def _limited(self) -> bool:
        return any(budget.state(setting).limit_usd is not None for _, budget, setting in self._budgets())

    def _reserved(self, usd: float) -> BudgetError | None:
        done: list[Budget] = []
        for scope, budget, setting in self._budgets():
            if state := budget.reserve(usd, setting):
                for other in done:
                    other.settle(usd, 0.0, None)
                return _exceeded(scope, state, usd)
            done.append(budget)
        return None

    def _refused(self, used: ModelInUse, expected: None) -> BudgetError:
        scope, budget, setting = next(one for one in self._budgets() if one[1].state(one[2]).limit_usd is not None)
        state, model = budget.state(setting), f"{used.model.provider}:{used.model.name}"
        return BudgetError(
            f"no price is known of {model}, so that a budget of {dollars(state.limit_usd)} cannot be kept.",
            hint=f'tell its price: the setting prices = {{"{model}": [INPUT, OUTPUT]}}, in USD per million tokens; '
            f"or ask without a budget{': %victor budget off' if scope == 'kernel' else ''}",
            scope=scope,
            limit_usd=state.limit_usd or 0.0,
            spent_usd=state.spent_usd,
            estimated_usd=expected,
        )


def expected_cost(used: ModelInUse, tokens: int, settings: Mapping[str, JsonValue]) -> float | None:
    """Of the input, and of `max_tokens` of output where that is set; None when no price is known."""
    if used.is_free:
        return 0.0
    most = settings.get("max_tokens")
    return used.price_of(Usage(tokens, most if isinstance(most, int) else 0))[0]


def _exceeded(scope: Scope, state: BudgetState, usd: float) -> BudgetError:
    whose = "this turn" if scope == "turn" else "this kernel"
    limit = state.limit_usd or 0.0
    other = "%victor budget USD sets another one, %victor budget off none"
    return BudgetError(
        f"the next request would cost about {dollars(usd)}, and of the {dollars(limit)} of {whose} "
        f"{dollars(max(limit - state.spent_usd, 0.0))} is left.",
        hint=f"lower max_tokens, or {'give the turn more' if scope == 'turn' else other}",
        scope=scope,
        limit_usd=limit,
        spent_usd=state.spent_usd,
        estimated_usd=usd,
    )


def dollars(usd: float | None) -> str:
    """`$0.0123`: two digits that say something, however small it is; `$0` is exactly nothing."""
    if usd is None:
        return "unknown"
    return f"${usd:,.2f}" if usd >= 1 else f"${Decimal(f'{usd:.2g}'):f}" if usd else "$0"


def checked_dollars(name: str, given: object) -> float:
    """
    Raises:
        UsageError: it is no finite number above 0.
    """
    if isinstance(given, int | float) and not isinstance(given, bool) and 0 < given < float("inf"):
        return float(given)
    raise UsageError(f"{name} is {given!r}; it must be US dollars above 0.", hint=f"as in {name}=0.5")


_shared: Budget | None = None
_sharing = threading.Lock()


def kernel_budget() -> Budget:
    """The one that all orchestrators of a notebook share, since they spend the same person's money; outside of a
    notebook a new one, for each to have its own."""
    global _shared  # noqa: PLW0603 (a kernel has one)
    if lent() is None:
        return Budget()
    with _sharing:
        _shared = _shared or Budget()
        return _shared
