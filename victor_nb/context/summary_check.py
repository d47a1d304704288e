"""What a model's summary forgot: values of named things, rules and errors that are in the messages and not in its text.
And what of summaries is worth most, where there is no room for all.

Told by the same rules that make digests. What was forgotten is added to the summary word for word, within a small room.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from victor_nb.context.digest_choice import choose
from victor_nb.context.digest_conflicts import latest
from victor_nb.context.digest_shapes import Shape
from victor_nb.context.digest_statements import background_of, statements
from victor_nb.context.summary_note import body_of
from victor_nb.messages import Message

_LEAST: Final = 3.0  # worth of what is added; plain words and bare numbers are worth less
_MOSTLY: Final = 0.6  # of its words: a statement without a value is told
_NEAR: Final = 100  # characters between a value and its name
_HEAD: Final = "Also said:"


def forgotten(part: Sequence[Message], text: str, room: float, ratio: float) -> str:
    """Lines to add to `text`, a summary of `part`: at most `room` tokens, or an empty text. `ratio` is counted tokens
    per estimated one."""
    background = background_of(part)
    said = [s for message in part for s in statements(message.role, body_of(message), background)]
    plain = text.casefold()
    lost = [s for s in latest(said) if s.worth >= _LEAST and not _is_told(s.shape, plain)]
    chosen = choose(lost, room, _LEAST, ratio).chosen
    return "\n".join(["", _HEAD, *(s.text for s in chosen)]) if chosen else ""


def trimmed(summaries: Sequence[Message], room: float, ratio: float) -> str:
    """What is worth most of the summaries, within `room` tokens: for when a model did not say it shorter."""
    background = background_of(summaries)
    said = latest(s for message in summaries for s in statements("user", body_of(message), background))
    return "\n".join(s.text for s in choose(said, room, 0.0, ratio).chosen)


def _is_told(shape: Shape, plain: str) -> bool:
    """Whether a summary, in lower case, has the value near to one of the names that it belongs to."""
    about = [word for word in shape.names or shape.key if len(word) > 2]
    if not shape.value:
        return sum(word in plain for word in about) >= _MOSTLY * len(about)
    value = re.escape(max(shape.value.split(), key=len))
    places = (found.start() for found in re.finditer(rf"(?<!\w){value}(?!\w)", plain))
    return any(any(word in plain[max(0, at - _NEAR) : at + _NEAR] for word in about) for at in places)
