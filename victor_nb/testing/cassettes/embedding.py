"""What an embedder is asked while a cassette stands in between: what is recorded is given, what is not is asked for and
recorded, or missing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from victor_nb.models.taping import AskVectors, Redact
from victor_nb.models.wire_embeddings import LONGEST
from victor_nb.testing.cassettes.cassette import Cassette
from victor_nb.testing.cassettes.missing import missing_vectors
from victor_nb.testing.cassettes.redaction import Redaction
from victor_nb.testing.cassettes.sent import public_name
from victor_nb.testing.cassettes.vectors import packed, unpacked

_ASKING: Final = ("record", "rewrite")


async def embedded(
    cassette: Cassette, mode: str, named: str, texts: Sequence[str], ask: AskVectors, redact: Redact | None = None
) -> list[list[float]]:
    """A vector for each text; a text without a word has one of zeros, and is not recorded. `verify` gives what is
    recorded, as `replay` does.

    Raises:
        MissingRecordingError: it is neither recorded nor to be asked for.
        ModelError: the embedder failed.
    """
    redaction = Redaction(redact)
    embedder, clean = redaction.text(public_name(named)), [redaction.text(text[:LONGEST]) for text in texts]
    wanted = {key: text for key, text in zip(clean, texts, strict=True) if key.strip()}
    found = {} if mode == "rewrite" else cassette.vectors_of(embedder, wanted)
    new = [key for key in wanted if key not in found]
    if new and mode not in _ASKING:
        error = missing_vectors(embedder, new, cassette.path)
        cassette.lack_vectors(error)
        raise error
    if new:
        vectors = await ask([wanted[key] for key in new])
        found |= cassette.keep_vectors(embedder, dict(zip(new, map(packed, vectors), strict=True)))
    length = max(map(len, found.values()), default=1)
    return [unpacked(found.get(key, bytes(length))) for key in clean]
