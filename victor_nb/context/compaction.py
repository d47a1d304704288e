"""The records of compactions: what set one off, what came of it, whether it was undone, and the limits it works to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, cast

from victor_nb.errors import ContextError

if TYPE_CHECKING:
    import pandas as pd

Trigger: TypeAlias = Literal["threshold", "overflow", "manual"]
Outcome: TypeAlias = Literal["completed", "noop", "failed"]
UndoReason: TypeAlias = Literal["undo", "turn_replaced", "turn_failed", "reset"]
WindowSource: TypeAlias = Literal["settings", "profile", "fallback", "overflow"]

STRETCH: Final = 0.4

_COLUMNS: Final = {
    "compaction_id": ("id", "string"),
    "timestamp": ("timestamp_us", "datetime64[us, UTC]"),
    "trigger": ("trigger", "string"),
    "strategy": ("strategy", "string"),
    "outcome": ("outcome", "string"),
    "tokens_before": ("tokens_before", "Int64"),
    "tokens_after": ("tokens_after", "Int64"),
    "messages_removed": ("messages_removed", "Int64"),
    "repaired": ("repaired", "boolean"),
    "undone": ("undone", "string"),
    "error_type": ("error_type", "string"),
    "note": ("note", "string"),
}


@dataclass(frozen=True, slots=True)
class CompactionRecord:
    """One compaction. Tokens are those of a whole request: system prompt, tools and messages.

    `repaired` tells that the strategy's result could not be sent as it was. When the strategy failed, messages may
    still have been removed, because the request would not have fitted the window. `undone` says why the compaction
    counts no more, and is None while it counts. `note` is the strategy's own. `timestamp_us` is Unix time in µs.
    """

    id: str
    session_id: str
    trigger: Trigger
    strategy: str
    outcome: Outcome
    tokens_before: int
    tokens_after: int
    messages_removed: int
    repaired: bool
    error_type: str | None = None
    undone: UndoReason | None = None
    note: str = ""
    timestamp_us: int = 0


@dataclass(frozen=True, slots=True)
class Undone:
    """A compaction that counts no more: undone by hand, or its turn failed or was run again, or a reset."""

    compaction_id: str
    session_id: str
    reason: UndoReason


class CompactionRecords(tuple[CompactionRecord, ...]):
    """Compactions of a session, oldest first. In a notebook it shows itself as a table."""

    __slots__ = ()

    def to_dataframe(self) -> pd.DataFrame:
        """A row per compaction; the dtypes are the same when there is none.

        Columns: compaction_id, timestamp, trigger, strategy, outcome, tokens_before, tokens_after, messages_removed,
        repaired, undone (why; NA while it counts), error_type, note.
        """
        import pandas as pd

        return pd.DataFrame({name: _column(self, *source) for name, source in _COLUMNS.items()})

    def _repr_html_(self) -> str:
        return self.to_dataframe().to_html(index=False, na_rep="")  # escapes what the cells hold


def _column(records: Sequence[CompactionRecord], attribute: str, dtype: str) -> pd.Series:
    import pandas as pd

    values: list[Any] = [getattr(record, attribute) for record in records]
    if dtype.startswith("datetime"):
        values = [datetime.fromtimestamp(value / 1_000_000, UTC) for value in values]
    return pd.Series(values, dtype=cast("Any", dtype))


@dataclass(frozen=True, slots=True)
class Limits:
    """Tokens of a whole request: `usable` is the window less the reserved output. `source` says who states the window:
    the settings, the model's profile, nobody (`fallback`), or a request that did not fit (`overflow`)."""

    window: int
    usable: int
    threshold: int
    target: int
    source: WindowSource = "settings"

    @property
    def most(self) -> int:
        """What a compaction may leave where the target would lose what matters; the rest is room until the next one."""
        return self.target + int(STRETCH * (self.threshold - self.target))


def limits_of(
    window: int, threshold: float, target: float, reserved_output: int, source: WindowSource = "settings"
) -> Limits:
    """A threshold or target that is a float is a fraction of what is usable, an int is tokens.

    At most half of a small window is reserved. Raises ContextError when the window is no positive number.
    """
    if window < 1:
        raise ContextError(f"The model's context window is {window} tokens.", hint="Set context_window.")
    usable = window - min(reserved_output, window // 2)
    fire = min(_tokens(threshold, usable), usable)
    return Limits(window, usable, fire, min(_tokens(target, usable), fire), source)


def _tokens(amount: float, usable: int) -> int:
    return amount if isinstance(amount, int) else int(amount * usable)
