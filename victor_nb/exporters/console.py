"""Events on a terminal, a line each: to see what happens while you work.

It is for looking, not for keeping: what cannot be shown is passed over, so a closed stream holds up nothing.
"""

from __future__ import annotations

import sys
from typing import Final, Literal, TextIO

from victor_nb.errors import ConfigError
from victor_nb.exporters.base import BaseAnalyticsExporter
from victor_nb.exporters.event_json import json_text
from victor_nb.protocols import AnalyticsEvent, ExportResult

_WIDEST_CHARS: Final = 80
_SEPARATE: Final = frozenset({"turn_id", "request_id", "tool_call_id", "compaction_id"})


class ConsoleAnalyticsExporter(BaseAnalyticsExporter):
    """Print each event: readable (`format="line"`) or as JSON (`format="json"`).

    Args:
        stream: where to; standard error, as it is at that moment, when None. It is written to from the exporter's
            thread: in a notebook, standard output and standard error show it under the cell that is running then.
        format: "line" leaves ids, hashes and what is unknown out, and cuts long values; "json" leaves out nothing.
        include_content: print prompts, answers, tool arguments and results too.

    Raises:
        ConfigError: no such format, or nothing can be written to the stream.
    """

    def __init__(
        self,
        stream: TextIO | None = None,
        *,
        format: Literal["line", "json"] = "line",
        include_content: bool = False,
    ) -> None:
        if format not in ("line", "json"):
            raise ConfigError(f"{format!r} is not a format.", hint='use "line" or "json"')
        if stream is not None and not hasattr(stream, "write"):
            raise ConfigError(
                f"{stream!r} is no stream that can be written to.", hint='as in sys.stdout, or open("events.log", "a")'
            )
        self.stream = stream
        self.format = format
        self.include_content = include_content

    async def export(self, events: list[AnalyticsEvent]) -> ExportResult:
        line = as_line if self.format == "line" else _as_json
        _print("".join(f"{line(event)}\n" for event in events), self.stream or sys.stderr)
        return ExportResult(True, len(events))


def as_line(event: AnalyticsEvent) -> str:
    """An event in one line of printable characters: time (UTC), type, session, and what it says."""
    said = [f"{name}={_value(value)}" for name, value in event.data.items() if _is_worth_showing(name, value)]
    return " ".join([f"{event.timestamp:%H:%M:%S.%f}"[:-3], event.type.ljust(23), event.session_id[:8], *said])


def _as_json(event: AnalyticsEvent) -> str:
    return json_text(event.model_dump())


def _is_worth_showing(name: str, value: object) -> bool:
    return value is not None and value != {} and name not in _SEPARATE and not name.endswith("_sha256")


def _value(value: object) -> str:
    """What could move the cursor, or end the line, is escaped: a model's text is in here."""
    text = value if isinstance(value, str) else f"{value:.4g}" if isinstance(value, float) else json_text(value)
    cut = text if len(text) <= _WIDEST_CHARS else text[: _WIDEST_CHARS - 1] + "…"
    return cut if cut.isprintable() and " " not in cut and cut else ascii(cut)


def _print(text: str, stream: TextIO | None) -> None:
    if stream is None:  # as under pythonw
        return
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        stream.flush()
    except (OSError, ValueError):  # closed, or nobody reads it any more
        return
