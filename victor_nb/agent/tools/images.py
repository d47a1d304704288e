"""Pictures among results: figures, images and what can show itself as one, made small enough to be sent to a model.

Imports neither matplotlib nor Pillow by itself, but Pillow to make a picture smaller.
"""

from __future__ import annotations

import base64
import importlib.util
import io
import sys
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, cast

from victor_nb.agent.tools.figures import figure_words, plotly_words
from victor_nb.messages import Image

MAX_IMAGES: Final = 8
MAX_IMAGE_SIDE: Final = 1_568
"""Pixels. Providers scale larger pictures down to about this, and charge for what arrives."""
MAX_IMAGE_BYTES: Final = 3_500_000
"""The strictest provider takes 5 MB of base64."""

_MAGIC: Final = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}


@dataclass(frozen=True, slots=True)
class Picture:
    """`image` is None when it cannot be sent; `words` then say why."""

    words: str
    image: Image | None


def picture_of(value: object) -> Picture | None:
    """None when the value is no picture."""
    if isinstance(value, Image):
        return _told(_sendable(value.data, "Image"), value.description)
    if isinstance(value, bytes | bytearray):
        return _sendable(bytes(value), "Image") if media_type_of(bytes(value[:16])) else None
    if (figure := _figure(value)) is not None:
        return _attempt(figure, _drawn)
    pillow = sys.modules.get("PIL.Image")
    if pillow is not None and isinstance(value, pillow.Image):
        return _attempt(value, partial(_written, what="Image"))
    if (words := plotly_words(value)) is not None:
        return _told(_shown_by_itself(value) or Picture(f"[plotly figure: {words}]", None), words)
    return _shown_by_itself(value)


def media_type_of(start: bytes) -> str | None:
    """From the first bytes of a file; None for what no provider takes."""
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "image/webp"
    return next((media for magic, media in _MAGIC.items() if start.startswith(magic)), None)


def _attempt(value: object, make: Any) -> Picture:
    try:
        return make(value)
    except Exception as error:  # noqa: BLE001 (drawing runs the user's code: formatters, callbacks, lazy data)
        return Picture(f"[{type(value).__name__}, which could not be drawn: {type(error).__name__}: {error}]", None)


def _figure(value: object) -> Any:
    """The matplotlib figure that `value` is or belongs to, an array of axes included."""
    figures = sys.modules.get("matplotlib.figure")
    if figures is None:
        return None
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.ndarray):
        array = cast("Any", value)
        value = array.flat[0] if array.dtype == object and array.size else value
    if isinstance(value, figures.Figure):
        return value
    module = type(value).__module__.partition(".")[0]
    owner = getattr(value, "figure", None) if module in ("matplotlib", "seaborn", "mpl_toolkits") else None
    return owner if isinstance(owner, figures.Figure) else None


def _told(picture: Picture, description: str) -> Picture:
    """With the description for models that take no pictures."""
    image = picture.image and replace(picture.image, description=description)
    return Picture(picture.words, image)


def _drawn(figure: Any) -> Picture:
    longest = max(*figure.get_size_inches(), 0.01)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=min(figure.dpi, MAX_IMAGE_SIDE / longest), bbox_inches="tight")
    return _told(_sendable(buffer.getvalue(), "Figure"), figure_words(figure))


def _shown_by_itself(value: object) -> Picture | None:
    """What has a `_repr_png_` or `_repr_jpeg_`, as notebooks ask for; None when it has nothing to show."""
    for name in ("_repr_png_", "_repr_jpeg_"):
        if not callable(getattr(type(value), name, None)) or isinstance(value, type):
            continue
        raw = _file_of(getattr(value, name))
        if media_type_of(raw[:16]):
            return _sendable(raw, type(value).__name__)
    return None


def _file_of(show: Any) -> bytes:
    """What the method gives: bytes or base64, perhaps with metadata; empty when it fails or has nothing."""
    try:
        found = show()
        data = cast("Any", found)[0] if isinstance(found, tuple) else found
        return base64.b64decode(data) if isinstance(data, str) else bytes(data or b"")
    except Exception:  # noqa: BLE001 (a library's method, which may need what is not installed)
        return b""


def _sendable(data: bytes, what: str) -> Picture:
    media = media_type_of(data[:16])
    size = _png_size(data) if media == "image/png" else None
    if media and len(data) <= MAX_IMAGE_BYTES and size and max(size) <= MAX_IMAGE_SIDE:
        return Picture(f"{what}, {size[0]:,} × {size[1]:,} pixels", Image(data, media))
    if importlib.util.find_spec("PIL") is None:
        return _unscaled(data, media, what)
    import PIL.Image

    try:
        with PIL.Image.open(io.BytesIO(data)) as opened:
            if media and len(data) <= MAX_IMAGE_BYTES and max(opened.size) <= MAX_IMAGE_SIDE:
                return Picture(f"{what}, {opened.width:,} × {opened.height:,} pixels", Image(data, media))
            return _written(opened, what)
    except (OSError, ValueError, SyntaxError, PIL.Image.DecompressionBombError) as error:
        return Picture(f"[{what} of {len(data):,} bytes, which cannot be read: {error}]", None)


def _unscaled(data: bytes, media: str | None, what: str) -> Picture:
    if media and len(data) <= MAX_IMAGE_BYTES:
        return Picture(what, Image(data, media))
    return Picture(f"[{what} of {len(data):,} bytes, which is too large to be sent; install Pillow to scale it]", None)


def _written(image: Any, what: str) -> Picture:
    """A Pillow image as PNG, or as JPEG where that is too large, scaled to fit."""
    import PIL.Image

    before = image.size
    shown = image.convert("RGBA" if "A" in image.getbands() or "transparency" in image.info else "RGB")
    shown.thumbnail((MAX_IMAGE_SIDE, MAX_IMAGE_SIDE), PIL.Image.Resampling.LANCZOS)
    data, media = _encoded(shown)
    scaled = f", scaled down from {before[0]:,} × {before[1]:,}" if shown.size != before else ""
    return Picture(f"{what}, {shown.width:,} × {shown.height:,} pixels{scaled}", Image(data, media))


def _encoded(image: Any) -> tuple[bytes, str]:
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    if buffer.tell() <= MAX_IMAGE_BYTES:
        return buffer.getvalue(), "image/png"
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, format="JPEG", quality=85)
    return buffer.getvalue(), "image/jpeg"


def _png_size(data: bytes) -> tuple[int, int] | None:
    """Width and height from the header, so that Pillow need not be loaded for the usual figure."""
    if data[12:16] != b"IHDR":
        return None
    return int.from_bytes(data[16:20]), int.from_bytes(data[20:24])
