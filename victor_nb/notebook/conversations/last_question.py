"""What the last question was when it was sent, with the values of its `{{ expressions }}` and its pictures: what
`%victor context --last` shows, and `vn.conversation.last_question` is.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Final

from victor_nb.messages import Image, Message
from victor_nb.notebook.answers.characters import clean, show_bidi
from victor_nb.notebook.answers.render import line_html, wrap

if TYPE_CHECKING:
    from victor_nb.context.conversation import Conversation

_SHOWN_CHARS: Final = 20_000
_SHOWN_BYTES: Final = 1_000_000
_MEDIA: Final = ("image/png", "image/jpeg", "image/gif", "image/webp")


@dataclass(frozen=True)
class SentQuestion:
    """`turn` counts from 1; `tokens` are those of text and pictures, about."""

    turn: int
    text: str
    images: tuple[Image, ...]
    tokens: int

    @classmethod
    def last_of(cls, conversation: Conversation) -> SentQuestion | None:
        """None before the first answer; a turn that failed leaves no question in the conversation."""
        turns = conversation.turn_ids
        asked = [one for one in conversation.log if turns and one.turn_id == turns[-1] and one.role == "user"]
        return cls._of(conversation, asked[0], len(turns)) if asked else None

    @classmethod
    def _of(cls, conversation: Conversation, message: Message, turn: int) -> SentQuestion:
        tokens = conversation.meter.share(conversation.cost([message]))
        return cls(turn, message.content, message.images, tokens)

    @property
    def head(self) -> str:
        count = len(self.images)
        pictures = f", with {count} image{'' if count == 1 else 's'}" if count else ""
        return f"Question of turn {self.turn}: {len(self.text):,} characters{pictures}, about {self.tokens:,} tokens."

    @property
    def shown(self) -> str:
        """The text, for eyes: without control characters, and cut where it is very long."""
        text = show_bidi(clean(self.text))
        if len(text) <= _SHOWN_CHARS:
            return text
        more = f"the first {_SHOWN_CHARS:,} characters; vn.conversation.last_question.text has all"
        return f"{text[:_SHOWN_CHARS]}\n… ({more})"

    def __repr__(self) -> str:
        told = [f"[image {number}: {_told(image)}]" for number, image in enumerate(self.images, 1)]
        return "\n".join([self.head, "", self.shown, *([""] if told else []), *told])

    def _repr_html_(self) -> str:
        body = f"<div>{escape(self.head)}</div><pre>{escape(self.shown)}</pre>"
        return wrap(body + "".join(_pictures(self.images)))


def _told(image: Image) -> str:
    """One line; the description is what models read that take no pictures."""
    line = " ".join(show_bidi(clean(image.description)).split())
    return f"{image.media_type}, {len(image.data):,} bytes" + (f"; {line}" if line else "")


def _pictures(images: Sequence[Image]) -> list[str]:
    """Each as it was sent, unless all of them would bloat the notebook."""
    small = sum(len(image.data) for image in images) <= _SHOWN_BYTES
    return [
        f'<img alt="{escape(_told(image))}" src="{_address(image)}">'
        if small and image.media_type in _MEDIA
        else f"<div>{line_html(_told(image))}</div>"
        for image in images
    ]


def _address(image: Image) -> str:
    return f"data:{image.media_type};base64,{base64.b64encode(image.data).decode()}"
