"""An embedding model behind a provider's API (or in this process), through pydantic-ai's embeddings module.

As with chat models all I/O happens on the one model loop, the library is imported at the first use, retries are ours,
and errors are translated. Texts that were embedded lately are not sent again.
"""

from __future__ import annotations

import asyncio
import hashlib
import weakref
from array import array
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from victor_nb.background import model_loop
from victor_nb.errors import MissingExtraError, ModelError, ModelResponseError
from victor_nb.models import wire_guard
from victor_nb.models.access import Access
from victor_nb.models.catalog import ModelName
from victor_nb.models.failures import Target, scrub, translate
from victor_nb.models.retries import ask_again
from victor_nb.models.wire_clients import close_later, library_provider

if TYPE_CHECKING:
    from pydantic_ai.embeddings import EmbeddingModel

BATCH: Final = 64
LONGEST: Final = 8_000
_KEPT: Final = 1_024


class WireEmbedder:
    """An embedder: `await embedder(texts)` gives a vector for each. `build` makes the library's model at the first use,
    with the provider whose client is closed with this object.

    Of a text the first `LONGEST` characters are sent, which every provider takes, and `BATCH` texts in a request. A
    text without a word is not sent; its vector is all zeros.
    """

    def __init__(self, target: Target, build: Callable[[], tuple[EmbeddingModel, object]]) -> None:
        self._target = target
        self._build = build
        self._model: EmbeddingModel | None = None
        self._building = asyncio.Lock()
        self._known: OrderedDict[bytes, array[float]] = OrderedDict()

    def __repr__(self) -> str:
        return f"<WireEmbedder {self._target.provider}:{self._target.model}>"

    async def __call__(self, texts: Sequence[str]) -> list[list[float]]:
        """Raises ModelError and those below it."""
        return await model_loop().run(self._embed([text[:LONGEST] for text in texts]))

    async def _embed(self, texts: Sequence[str]) -> list[list[float]]:
        keys = [_key(text) for text in texts]
        new = {key: text for key, text in zip(keys, texts, strict=True) if text.strip() and key not in self._known}
        found = {key: self._known[key] for key in keys if key in self._known}
        asked = list(new.items())
        for start in range(0, len(asked), BATCH):
            batch = asked[start : start + BATCH]
            vectors, _ = await ask_again(lambda batch=batch: self._ask([text for _, text in batch]))
            found.update(zip((key for key, _ in batch), vectors, strict=True))
        self._remember(found)
        length = max((len(vector) for vector in found.values()), default=1)
        return [found[key].tolist() if key in found else [0.0] * length for key in keys]

    async def _ask(self, texts: list[str]) -> list[array[float]]:
        wire_guard.check(f"{self._target.provider}:{self._target.model}", texts[0])
        try:
            model = self._model or await self._ready()
            result = await model.embed(texts, input_type="document")
        except Exception as error:
            failure = self._failure(error)
            if failure is None:
                raise
            raise failure from error
        if len(result.embeddings) != len(texts):
            raise self._no_vectors(f"{len(result.embeddings)} vectors for {len(texts)} texts")
        return [array("d", vector) for vector in result.embeddings]

    def _failure(self, error: Exception) -> ModelError | None:
        if isinstance(error, ImportError):
            return _missing(error)
        failure = translate(error, self._target)
        if failure is None and isinstance(error, ValueError):  # the SDK's own check of the answer
            return self._no_vectors(scrub(str(error)))
        return failure

    def _no_vectors(self, what: str) -> ModelResponseError:
        hint = "Is it an embedding model? Choose another with the setting embedder."
        return ModelResponseError(f"{self._target.model} gave no vectors that can be used: {what}.", hint=hint)

    async def _ready(self) -> EmbeddingModel:
        async with self._building:
            if self._model is None:
                self._model, provider = await asyncio.to_thread(self._build)
                weakref.finalize(self, close_later, provider).atexit = False
        return self._model

    def _remember(self, found: dict[bytes, array[float]]) -> None:
        for key, vector in found.items():
            self._known[key] = vector
            self._known.move_to_end(key)
        while len(self._known) > _KEPT:
            self._known.popitem(last=False)


def library_embedder(name: ModelName, access: Access) -> tuple[EmbeddingModel, object]:
    """The library's embedding model for `name`, and its provider, whose client is made with `access`."""
    from pydantic_ai.embeddings import infer_embedding_model

    kind = "openai" if name.provider in ("openai-chat", "openai-responses") else name.provider
    provider = library_provider(name, access)
    return infer_embedding_model(f"{kind}:{name.model}", provider_factory=lambda _: provider), provider


def _missing(error: ImportError) -> MissingExtraError:
    return MissingExtraError(
        f"A package for embeddings is not installed: {scrub(str(error))}",
        hint='pip install "pydantic-ai-slim[openai]", or the extra of your provider',
    )


def _key(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
