"""Ratings of answers, and which coordinator recorded which answer, so that a rating goes where its turn went."""

from __future__ import annotations

import math
import threading
import weakref
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from victor_nb.agent.coordinators.analytics_coordinator import AnalyticsCoordinator
from victor_nb.errors import StoreError, UsageError
from victor_nb.events import EventContent, FeedbackGiven

REMEMBERED: Final = 10_000
FLUSH_TIMEOUT_S: Final = 10.0
_EXAMPLE: Final = 'as in vn.rate(answer, 1, "a note"); a bool counts as 1 or 0'


@dataclass(frozen=True, slots=True)
class RatedTurn:
    """A turn that can be rated, and who recorded it; None when its coordinator is gone."""

    turn_id: str
    session_id: str
    coordinator: AnalyticsCoordinator | None


class _Answers:
    """The latest turns of this process, oldest first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._turns: OrderedDict[str, tuple[str, weakref.ref[AnalyticsCoordinator]]] = OrderedDict()
        self._last: str | None = None

    def remember(self, turn_id: str, session_id: str, coordinator: AnalyticsCoordinator, *, answered: bool) -> None:
        with self._lock:
            self._turns[turn_id] = (session_id, weakref.ref(coordinator))
            self._last = turn_id if answered else self._last
            while len(self._turns) > REMEMBERED:
                self._turns.popitem(last=False)

    def find(self, turn_id: str | None) -> RatedTurn | None:
        """The turn of that id, or the last that was answered; None when it is not of this process."""
        with self._lock:
            turn_id = turn_id or self._last
            if turn_id is None or turn_id not in self._turns:
                return None
            session_id, coordinator = self._turns[turn_id]
        return RatedTurn(turn_id, session_id, coordinator())


answers: Final = _Answers()


def checked_score(score: object) -> float:
    """
    Raises:
        UsageError: it is no finite number.
    """
    try:
        if isinstance(score, str | bytes):
            raise TypeError
        value = float(score)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] (whatever can be a number)
    except (TypeError, ValueError, OverflowError):
        value = math.nan
    if not math.isfinite(value):
        raise UsageError(f"a score is a finite number, not {_shown(score)}.", hint=_EXAMPLE)
    return value


def _shown(score: object) -> str:
    return repr(score) if isinstance(score, float | str) else f"a {type(score).__name__}"


def record_feedback(
    turn: RatedTurn, coordinator: AnalyticsCoordinator, score: float | None, label: str | None, note: str | None
) -> None:
    """Returns once the rating is on disk.

    Raises:
        UsageError: analytics are switched off.
        StoreError: the disk took longer than ten seconds; the rating is still being written.
    """
    if not coordinator.enabled:
        raise UsageError("analytics are switched off, so a rating would be kept nowhere.", hint="enable_analytics=True")
    given: FeedbackGiven = {
        "turn_id": turn.turn_id,
        "score": score,
        "label": label,
        "note_chars": len(note or ""),
    }
    content: EventContent | None = {"note": note} if note else None
    coordinator.record("feedback_given", turn.session_id, given, content)
    if not coordinator.store.flush(FLUSH_TIMEOUT_S):
        raise StoreError("the disk is slow: the rating is recorded, but not on disk yet.", hint="see %victor doctor")
    coordinator.notify()


def checked_text(name: str, value: object) -> str | None:
    """
    Raises:
        UsageError: it is neither text nor None.
    """
    if value is None or isinstance(value, str):
        return value or None
    raise UsageError(f"{name} is text, not {type(value).__name__}.", hint=_EXAMPLE)
