"""Pictures that go with a question: any object that a tool may give as a picture, checked before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from victor_nb.agent.tools.images import MAX_IMAGES, picture_of
from victor_nb.errors import UsageError
from victor_nb.messages import Image


def attached(images: object) -> tuple[Image, ...]:
    """
    Raises:
        UsageError: one is no picture, or cannot be sent, or there are more than a request takes.
    """
    if isinstance(images, str | bytes | bytearray | Image) or not isinstance(images, Iterable):
        raise UsageError(f"images takes a list of pictures, not {type(images).__name__}.", hint="use images=[…]")
    given = list(cast("Iterable[object]", images))
    if len(given) > MAX_IMAGES:
        raise UsageError(f"a question takes at most {MAX_IMAGES} images, not {len(given)}.", hint="leave some out")
    return tuple(_image(number, value) for number, value in enumerate(given, 1))


def _image(number: int, value: object) -> Image:
    picture = picture_of(value)
    if picture is None:
        raise UsageError(
            f"image {number} is of type {type(value).__name__}, which is no picture.",
            hint="give a figure, a Pillow image, or the bytes of a PNG, JPEG, GIF or WebP file",
        )
    if picture.image is None:
        raise UsageError(f"image {number} cannot be sent: {picture.words.strip('[]')}.")
    return picture.image
