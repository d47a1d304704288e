"""How much of a value a question holds."""

from __future__ import annotations

from typing import Final

MAX_VALUE_CHARS: Final = 8_000
"""Of a view: about 2,000 tokens."""
MAX_TEXT_CHARS: Final = 50_000
"""Of a value that is text itself: whoever puts a text into a question wants it read."""
MAX_QUESTION_CHARS: Final = 100_000
"""Of all values of one question."""
MAX_VALUES: Final = (1_000, 300, 100, 30)
"""Of a container; fewer where they are long."""
