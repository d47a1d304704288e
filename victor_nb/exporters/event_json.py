"""Events as JSON bytes: one line each, real characters, nothing in them that a reader of lines would split at.

Imports no library but the standard one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from victor_nb.errors import ExportError
from victor_nb.protocols import AnalyticsEvent

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_encode_ascii = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode
_LINE_ENDS = re.compile("[\x85\u2028\u2029]")  # str.splitlines() splits at these too, JSON leaves them as they are


def json_text(value: object) -> str:
    """`value` as JSON text in one line.

    Raises:
        ExportError: it is not JSON, and will not be the next time either.
    """
    try:
        text = _encode(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise ExportError(f"an event is not JSON: {error}", retryable=False) from None
    return text if text.isascii() else _LINE_ENDS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def json_bytes(value: object) -> bytes:
    """`json_text(value)` as UTF-8. What UTF-8 cannot hold (half of a surrogate pair) stays an escape."""
    try:
        return json_text(value).encode()
    except UnicodeEncodeError:
        return _encode_ascii(value).encode()


def event_lines(events: Sequence[AnalyticsEvent]) -> list[bytes]:
    """Each event as a JSON object in a line of its own, with its `id` first."""
    return [json_bytes(event.model_dump()) + b"\n" for event in events]
