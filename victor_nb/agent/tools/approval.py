"""Whether a tool call may be made: does it need a person's word, and what was it.

Nothing is approved by default: without somebody to ask, on an answer that is not plainly True, and when asking fails,
the call is denied.
"""

from __future__ import annotations

import json
import logging
import unicodedata
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeAlias

from victor_nb import clock
from victor_nb.agent.runners import called
from victor_nb.host import lent
from victor_nb.protocols import IToolRunner

log = logging.getLogger(__name__)

Approve: TypeAlias = "Callable[[str, dict[str, Any]], bool | str | Awaitable[bool | str | None] | None]"
"""Is given a tool's name and arguments. True approves; False, or a text that says why not, denies. Plain or async."""

NeedsApproval: TypeAlias = "bool | Callable[[dict[str, Any]], object]"
"""What `@tool(requires_approval=…)` takes: for every call, or for those whose arguments it is true of."""

Asker: TypeAlias = "Callable[[str], Awaitable[str | None]]"
"""Is given a question that names the tool and all its arguments. `y` approves this call, `a` this tool for good where
that can be had, anything else denies; None when nobody answers."""

asking: ContextVar[Asker | None] = ContextVar("victor_nb_asking", default=None)
"""Who is asked in the turns that are started here, in place of the person at the cell: a panel sets it around its own
`chat()`. What such a turn's tools start inherits it."""

YES: Final = frozenset({"y", "yes", "a", "always"})
MOST_SHOWN: Final = 8_000
"""Characters of a question; what is cut is counted in it."""

_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


@dataclass(frozen=True, slots=True)
class Decision:
    """On one call. `decided_by` is `user`, or `default` where nobody was asked; `reason` is for the model."""

    approved: bool
    decided_by: str
    reason: str = ""
    duration_s: float = 0.0


async def needs_approval(wanted: NeedsApproval, arguments: Mapping[str, Any], runner: IToolRunner) -> bool:
    """A predicate that fails says yes."""
    if isinstance(wanted, bool):
        return wanted
    try:
        return bool(await called(partial(wanted, dict(arguments)), runner))
    except Exception:
        log.exception("requires_approval=%r failed, so the call needs approval", wanted)
        return True


async def decide(approve: Approve | None, name: str, arguments: Mapping[str, Any], runner: IToolRunner) -> Decision:
    """Ask `approve`, where tools run."""
    if approve is None:
        return Decision(False, "default", "it needs an approval, and there is nobody to ask")
    watch = clock.Stopwatch()
    try:
        answer = await called(partial(approve, name, dict(arguments)), runner)
        approved, reason = answer is True or _is_numpy_true(answer), _reason(answer)
    except Exception as error:
        log.exception("approve=%r failed, so the call of %s is denied", approve, name)
        approved, reason = False, f"the approval could not be had ({type(error).__name__})"
    return Decision(approved, "user", reason, watch.elapsed_s)


def _is_numpy_true(answer: object) -> bool:
    return type(answer).__module__ == "numpy" and type(answer).__name__ in ("bool", "bool_") and bool(answer)


def _reason(answer: object) -> str:
    if isinstance(answer, str):
        return answer.strip()
    return "" if isinstance(answer, bool | None) else f"approve() answered with a {type(answer).__name__}, not True"


def default_approve() -> Approve | None:
    """How to ask when the user gave no `approve`: through the turn's asker, else the host, where there is one."""
    return None if lent() is None and asking.get() is None else _ask_person


async def _ask_person(name: str, arguments: dict[str, Any]) -> bool:
    asker, host = asking.get(), lent()
    if asker is not None:
        return await asker(question(name, arguments)) in YES
    return host is not None and await host.confirm(question(name, arguments))


def question(name: str, arguments: Mapping[str, Any]) -> str:
    """`Run delete(path="a.csv")?`, with the arguments in full. Beyond `MOST_SHOWN` characters it says how many are not
    shown; characters that cannot be seen, or change the direction of the text, are written as escapes."""
    shown = _visible(f"{name}({', '.join(f'{key}={_shown(value)}' for key, value in arguments.items())})")
    more = len(shown) - MOST_SHOWN
    return f"Run {shown if more <= 0 else f'{shown[:MOST_SHOWN]}… [{more:,} more characters are not shown])'}?"


def _visible(text: str) -> str:
    return "".join(_escaped(sign) if unicodedata.category(sign) in _UNSEEN else sign for sign in text)


def _escaped(sign: str) -> str:
    return f"\\u{ord(sign):04x}" if ord(sign) < 0x10000 else f"\\U{ord(sign):08x}"


def _shown(value: object) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        pass
    try:
        return repr(value)
    except Exception:  # noqa: BLE001 (the repr of a user's class)
        return f"<{type(value).__name__}>"
