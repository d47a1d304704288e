"""Texts to vectors, by whichever embedder was named or handed over; without one, by TF-IDF, which compares words.

What an embedder returns is checked before anybody compares with it: a vector for each text, all of one length, finite
numbers. Nothing is sent to a network unless a provider was named. Imports no SDK.
"""

from __future__ import annotations

import asyncio
import inspect
import math
import os
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import lru_cache, partial
from typing import Any, Final, cast

from victor_nb.background import model_loop
from victor_nb.errors import ModelError, ModelResponseError, UnknownModelError, UsageError, VictorError, did_you_mean
from victor_nb.models import taping, wire_guard
from victor_nb.models.access import Access, find_access, require_sdk
from victor_nb.models.catalog import EMBEDDERS, IN_PROCESS, PROVIDERS, ModelName, Provider, parse
from victor_nb.models.failures import Target, scrub
from victor_nb.models.tfidf import tfidf
from victor_nb.models.wire_embeddings import WireEmbedder, library_embedder
from victor_nb.protocols import Embedder

TFIDF: Final = "tfidf"
_PROVIDERS: Final = {**PROVIDERS, **{provider.name: provider for provider in EMBEDDERS}}
_WITHOUT: Final = frozenset({"anthropic", "demo"})
_HINT: Final = (
    "Name one as in openai:text-embedding-3-small, ollama:nomic-embed-text or http://127.0.0.1:8000/v1#my-model, give "
    "a function, or leave it out: then words are compared (TF-IDF)."
)


async def embed(
    texts: Sequence[str], embedder: str | Embedder | None = None, *, redact: taping.Redact | None = None
) -> list[list[float]]:
    """A vector for each text, all of one length. Compare them with `victor_nb.vectors.similarities`.

    Args:
        embedder: a provider's model by name (`openai:text-embedding-3-small`), a server's (`URL#model`), a function of
            a list of texts, plain or async, or an object with `embed_documents`. None or `"tfidf"`: TF-IDF, whose
            vectors can only be compared within one call. A plain function is called in a worker thread.
        redact: what it takes out of a text is not written down where answers are recorded.

    Raises:
        UsageError: the texts are none, or the embedder is none.
        UnknownModelError, MissingKeyError, MissingExtraError: what was named cannot be used.
        ModelError: it failed; a ModelResponseError when it did not give what it should.
        MissingRecordingError: answers are replayed, and those of this provider are not recorded.
    """
    given = _checked_texts(texts)
    if not given:
        return []
    if embedder is None or embedder == TFIDF:
        return await asyncio.to_thread(tfidf, given)
    if isinstance(embedder, str):
        return _checked(await _through_tape(embedder.strip(), given, redact), len(given), embedder)
    who = getattr(embedder, "__qualname__", type(embedder).__name__)
    return _checked(await _called(_function(embedder), given, who), len(given), who)


async def _through_tape(name: str, texts: list[str], redact: taping.Redact | None) -> list[list[float]]:
    async def ask(some: Sequence[str]) -> list[list[float]]:
        wire_guard.check(name, some[0])  # also where a key is missing
        return _checked(await embedder_named(name)(some), len(some), name)

    standing = taping.tape()
    if standing is None or _parse(name)[0].name in IN_PROCESS:
        return await ask(texts)
    return await standing.embed(name, texts, ask, redact)


def embedder_named(name: str) -> WireEmbedder:
    """The embedder called `name`, the same one each time. Raises UnknownModelError, MissingKeyError,
    MissingExtraError, before anything is sent."""
    provider, model = _parse(name.strip())
    require_sdk(provider)
    return _connected(model, find_access(provider, model, otherwise="or leave the embedder out to compare words."))


def _parse(text: str) -> tuple[Provider, ModelName]:
    if text.lower().startswith(("http://", "https://")):
        model = parse(text)
        return PROVIDERS[model.provider], model
    name, _, model = text.partition(":")
    provider = _PROVIDERS.get(name.lower())
    if provider is None:
        raise UnknownModelError(f"{text!r} names no embedder.{did_you_mean(name, [*_PROVIDERS, TFIDF])}", hint=_HINT)
    if provider.name in _WITHOUT:
        raise UnknownModelError(f"{provider.label} has no embedding models.", hint=_HINT)
    if not model.strip():
        raise UnknownModelError(f"{text!r} does not say which embedding model to use.", hint=_HINT)
    return provider, ModelName(provider.name, model.strip())


@lru_cache(maxsize=8)
def _connected(name: ModelName, access: Access) -> WireEmbedder:
    target = Target(name.provider, name.model, access.base_url, (access.api_key,) if access.api_key else ())
    return WireEmbedder(target, partial(library_embedder, name, access))


if hasattr(os, "register_at_fork"):  # a forked child has no part in its parent's connections
    os.register_at_fork(after_in_child=_connected.cache_clear)


def _checked_texts(texts: object) -> list[str]:
    if isinstance(texts, str) or not isinstance(texts, Iterable):
        raise UsageError(f"texts is a {type(texts).__name__}.", hint="Give a list of texts.")
    found = list(cast("Iterable[object]", texts))
    for number, text in enumerate(found):
        if not isinstance(text, str):
            raise UsageError(f"texts[{number}] is a {type(text).__name__}, not a text.", hint="Give a list of texts.")
    return cast("list[str]", found)


def _function(embedder: object) -> Callable[[list[str]], object]:
    function = embedder if callable(embedder) else getattr(embedder, "embed_documents", None)
    if function is None or isinstance(embedder, type):
        raise UsageError(f"{embedder!r} is no embedder.", hint=_HINT)
    return cast("Callable[[list[str]], object]", function)


async def _called(function: Callable[[list[str]], object], texts: list[str], who: str) -> object:
    try:
        found = await asyncio.to_thread(function, list(texts))
        if inspect.isawaitable(found):
            found = await model_loop().run(_awaited(cast("Awaitable[object]", found)))
    except VictorError:
        raise
    except Exception as error:
        raise ModelError(
            f"The embedder {who} failed: {type(error).__name__}: {scrub(str(error))}",
            hint="Mend it, or leave the embedder out: then words are compared (TF-IDF).",
        ) from error
    return getattr(found, "embeddings", found)


async def _awaited(found: Awaitable[object]) -> object:
    return await found


def _checked(found: object, texts: int, who: str) -> list[list[float]]:
    try:
        rows: list[Any] = list(cast("Iterable[Any]", found))
        vectors = [_numbers(row) for row in rows]
    except (TypeError, ValueError):
        raise _wrong(who, f"{type(found).__name__}, which is no list of vectors") from None
    if len(vectors) != texts:
        raise _wrong(who, f"{len(vectors)} vectors for {texts} texts")
    lengths = sorted({len(vector) for vector in vectors})
    if len(lengths) > 1 or not lengths[0]:
        raise _wrong(who, f"vectors of {' and '.join(map(str, lengths))} numbers")
    if not all(math.isfinite(value) for vector in vectors for value in vector):
        raise _wrong(who, "a vector with a number that is not finite")
    return vectors


def _numbers(row: Any) -> list[float]:
    if isinstance(row, str | bytes):
        raise TypeError
    return [float(value) for value in row]


def _wrong(who: str, what: str) -> ModelResponseError:
    return ModelResponseError(
        f"The embedder {who} returned {what}.",
        hint="It must return a list with one vector for each text, all of one length, of finite numbers.",
    )
