"""`%victor export`: where each exporter is, delivering now, and trying again what a destination refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from victor_nb.errors import AnswerInterrupted
from victor_nb.notebook.words import Wait, refuse, refuse_more, say

if TYPE_CHECKING:
    from victor_nb.protocols import ExportResult
    from victor_nb.session import Session

_NONE: Final = "There is no exporter. vn.add_exporter(…) adds one; see docs/exporters.md."


def export(session: Session, words: list[str], wait: Wait) -> Any:
    """
    Raises:
        UsageError: the word is not status, now or retry.
        AnswerInterrupted: the user interrupted; what is not delivered stays in the store.
    """
    name, *rest = words or ["status"]
    if name not in _ACTIONS:
        refuse("export", name, _ACTIONS)
    refuse_more(f"export {name}", rest)
    try:
        return _ACTIONS[name](session, wait)
    except AnswerInterrupted:
        raise AnswerInterrupted("interrupted; what is not delivered yet stays in the store") from None


def _status(session: Session, wait: Wait) -> Any:
    return session.analytics.exports()


def _now(session: Session, wait: Wait) -> None:
    _tell(wait(session.orchestrator.analytics_coordinator.export_analytics()))


def _retry(session: Session, wait: Wait) -> None:
    result = wait(session.orchestrator.analytics_coordinator.retry_dead())
    if result.results and not result.exported_count and not result.dead:
        say("No destination has refused anything. %victor export now delivers what is pending.")
    else:
        _tell(result)


def _tell(result: ExportResult) -> None:
    if not result.results:
        say(_NONE)
    for name, one in result.results.items():
        say(f"{'✓' if one.success else '✗'} {name}: {told(one.exported_count, one.pending, one.dead, one.error)}")


def told(delivered: int, pending: int, dead: int, error: str | None) -> str:
    """`12 delivered, 3 pending (ConnectionError: …)`"""
    parts = [f"{delivered:,} delivered", f"{pending:,} pending" if pending else "", f"{dead:,} refused" if dead else ""]
    why = " ".join((error or "").split())
    return ", ".join(part for part in parts if part) + (f" ({why[:200]})" if why else "")


_ACTIONS: Final[dict[str, Callable[[Session, Wait], Any]]] = {"status": _status, "now": _now, "retry": _retry}
