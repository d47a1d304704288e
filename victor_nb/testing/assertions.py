"""Assertions on analytics frames, for tests and for the last cell of a notebook. A failure shows the rows.

They take `vn.analytics`, whatever has such an `analytics` (the fixture `victor`, `capture_events()`), an orchestrator,
or a frame; they return the rows that they were about. Comparing whole frames is `pandas.testing`'s business.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, TypeAlias, cast

from victor_nb.agent.orchestrator import AgentOrchestrator
from victor_nb.errors import UsageError, did_you_mean
from victor_nb.frames import Analytics
from victor_nb.messages import JsonValue

if TYPE_CHECKING:
    import pandas as pd


class HasAnalytics(Protocol):
    @property
    def analytics(self) -> Analytics: ...


Recorded: TypeAlias = "Analytics | HasAnalytics | AgentOrchestrator | pd.DataFrame"
_Frame: TypeAlias = Literal["turns", "requests", "tool_calls", "compactions", "exports"]

_SHOWN: Final[dict[_Frame, tuple[str, ...]]] = {
    "turns": ("turn_index", "status", "error_type", "model", "input_tokens", "output_tokens", "cost_usd", "requests"),
    "requests": ("purpose", "model", "status", "error_type", "http_status", "attempts"),
    "tool_calls": ("tool", "status", "error_type", "arguments", "result"),
    "compactions": ("trigger", "strategy", "outcome", "error_type"),
    "exports": ("exporter", "status", "events", "attempts", "last_error"),
}
_WIDEST: Final = 60


def assert_turns(
    recorded: Recorded,
    n: int | None = None,
    *,
    status: str | None = "ok",
    model: str | None = None,
    tools: Sequence[str] | None = None,
    max_cost_usd: float | None = None,
    max_input_tokens: int | None = None,
    max_output_tokens: int | None = None,
    max_requests: int | None = None,
) -> pd.DataFrame:
    """There are `n` turns, each with this `status` (None: any) and `model`, and together they called these `tools`, in
    this order, and took no more than that. What is not said is not looked at. Returns the frame of turns.

    Raises:
        AssertionError: it is not so; it says all that is not, and shows the turns.
        UsageError: with `tools`, when a frame was given: tool calls are another frame.
    """
    __tracebackhide__ = True
    turns = _frame(recorded, "turns")
    most = {"cost_usd": max_cost_usd, "input_tokens": max_input_tokens, "output_tokens": max_output_tokens}
    wrong = [
        *([f"{_count(len(turns), 'turn')}, not {n}"] if n is not None and len(turns) != n else []),
        *(_other(turns, name, wanted) for name, wanted in (("status", status), ("model", model)) if wanted is not None),
        *(_wrong_tools(recorded, tools) if tools is not None else ()),
        *(
            _above(turns, name, limit)
            for name, limit in {**most, "requests": max_requests}.items()
            if limit is not None
        ),
    ]
    _fail_if([reason for reason in wrong if reason], "turns", turns)
    return turns


def assert_tool_called(recorded: Recorded, name: str, /, **arguments: JsonValue) -> pd.DataFrame:
    """The tool `name` was called, and if `arguments` are given, at least once with these and perhaps others. Returns
    the calls that fit, oldest first, however they ended.

    Raises:
        AssertionError: there is no such call; it shows those that there are.
        UsageError: with `arguments`, when a frame without them was given.
    """
    __tracebackhide__ = True
    calls = _frame(recorded, "tool_calls")
    found = calls[calls["tool"].eq(name).fillna(False)]
    if not len(found):
        near = did_you_mean(name, cast("list[str]", calls["tool"].dropna().unique().tolist()))
        _fail_if([f"{name} was not called.{near}"], "tool_calls", calls)
    if arguments:
        if "arguments" not in calls.columns:
            raise UsageError(
                "this frame does not tell the arguments.", hint="give vn.analytics itself, or tool_calls(content=True)"
            )
        fits = found["arguments"].map(lambda text: _has(text, arguments)).astype(bool)
        wanted = ", ".join(f"{key}={value!r}" for key, value in arguments.items())
        _fail_if([] if fits.any() else [f"{name} was not called with {wanted}"], "tool_calls", found)
        found = found[fits]
    return found


def assert_no_failures(recorded: Recorded) -> None:
    """No turn, request or tool call failed or was interrupted, no compaction failed, and no destination refused events.
    Of a single frame, that none of its rows tells so.

    Raises:
        AssertionError: something did; it shows all of it.
    """
    __tracebackhide__ = True
    told: list[str] = []
    for name in _names(recorded):
        frame = _frame(recorded, name)
        failed = frame[_failed(frame)]
        if len(failed):
            told.append(
                f"{_count(len(failed), name.removesuffix('s').replace('_', ' '))} failed:\n{_table(name, failed)}"
            )
    if told:
        raise AssertionError("\n".join(told))


def _names(recorded: Recorded) -> list[_Frame]:
    import pandas as pd

    if not isinstance(recorded, pd.DataFrame):
        return list(_KEYS)
    columns = {str(column) for column in recorded.columns}
    found: list[_Frame] = [name for name, keys in _KEYS.items() if keys <= columns]
    return found[:1] or ["turns"]


_KEYS: Final[dict[_Frame, set[str]]] = {
    "turns": {"turn_index", "replaces"},
    "requests": {"request_id"},
    "tool_calls": {"tool_call_id"},
    "compactions": {"compaction_id"},
    "exports": {"exporter"},
}


def _failed(frame: pd.DataFrame) -> pd.Series[bool]:
    """What still runs has not failed."""
    if "outcome" in frame.columns:
        return frame["outcome"].eq("failed").fillna(False)
    if "exporter" in frame.columns:
        return frame["status"].eq("dead").fillna(False)
    return frame["status"].ne("ok").fillna(False)


def _frame(recorded: Recorded, name: _Frame) -> pd.DataFrame:
    import pandas as pd

    if isinstance(recorded, pd.DataFrame):
        return recorded
    if isinstance(recorded, AgentOrchestrator):
        store = recorded.analytics_coordinator.store
        recorded = Analytics(lambda: store)
    analytics = recorded if isinstance(recorded, Analytics) else getattr(recorded, "analytics", None)
    if not isinstance(analytics, Analytics):
        raise UsageError(
            f"{type(recorded).__name__} has no frames.", hint="give vn.analytics, an orchestrator or a frame"
        )
    return analytics.tool_calls(content=True) if name == "tool_calls" else getattr(analytics, name)()


def _other(turns: pd.DataFrame, name: str, wanted: str) -> str:
    others = turns[~turns[name].eq(wanted).fillna(False)]
    found = sorted({str(value) for value in others[name]})
    return f"{len(others)} of {_count(len(turns), 'turn')}: {name} is {', '.join(found)}, not {wanted}" if found else ""


def _above(turns: pd.DataFrame, name: str, limit: float) -> str:
    """What nobody knows is no proof."""
    unknown = int(turns[name].isna().sum())
    if unknown:
        return f"{name} of {unknown} of {_count(len(turns), 'turn')} is unknown, and {limit:g} is the most"
    total = turns[name].sum()
    return f"{name} is {total:g}, and {limit:g} is the most" if total > limit else ""


def _wrong_tools(recorded: Recorded, wanted: Sequence[str]) -> list[str]:
    import pandas as pd

    if isinstance(recorded, pd.DataFrame):
        raise UsageError(
            "a frame of turns does not tell the tools.", hint="give vn.analytics itself, or an orchestrator"
        )
    called = [str(name) for name in _frame(recorded, "tool_calls")["tool"]]
    return [] if called == list(wanted) else [f"the tools called are {_list(called)}, not {_list(wanted)}"]


def _has(text: object, arguments: dict[str, JsonValue]) -> bool:
    try:
        given: Any = json.loads(str(text))
    except ValueError:
        return False
    if not isinstance(given, dict):
        return False
    known = cast("dict[str, JsonValue]", given)
    return all(key in known and known[key] == value for key, value in arguments.items())


def _fail_if(wrong: Sequence[str], name: _Frame, frame: pd.DataFrame) -> None:
    __tracebackhide__ = True
    if wrong:
        raise AssertionError("\n".join([*wrong, _table(name, frame)]))


def _table(name: _Frame, frame: pd.DataFrame) -> str:
    """Its rows in the columns that tell something."""
    columns = [column for column in _SHOWN[name] if column in frame.columns and frame[column].notna().any()]
    if frame.empty or not columns:
        return f"  (no {name.replace('_', ' ')})"
    lines = frame[columns].to_string(index=False, max_colwidth=_WIDEST, na_rep="–").splitlines()
    return "\n".join(f"  {line}" for line in lines)


def _count(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _list(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"
