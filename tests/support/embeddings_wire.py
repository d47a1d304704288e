"""How OpenAI writes an answer of POST /v1/embeddings: base64 of 32-bit floats unless lists are asked for.

The vector of a text counts its letters a to z, so that a test can tell which text a vector is of.
"""

from __future__ import annotations

import base64
import struct
from typing import Any


def letters(text: str) -> list[float]:
    return [float(text.lower().count(chr(97 + place))) for place in range(26)]


def embeddings(request: dict[str, Any]) -> dict[str, Any]:
    """The answer's body; its `input` is a text or a list of texts."""
    texts: list[str] = [request["input"]] if isinstance(request["input"], str) else request["input"]
    as_base64 = request.get("encoding_format") == "base64"
    data = [
        {"object": "embedding", "index": place, "embedding": _packed(letters(text)) if as_base64 else letters(text)}
        for place, text in enumerate(texts)
    ]
    count = sum(len(text.split()) for text in texts)
    usage = {"prompt_tokens": count, "total_tokens": count}
    return {"object": "list", "data": data, "model": request["model"], "usage": usage}


def _packed(vector: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
