"""Where a recording of model requests comes in between: whoever records or replays stands here, and every orchestrator
asks for its models through it. Without one nothing changes.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final, Protocol

from victor_nb.clock import REAL, IClock, set_standing
from victor_nb.models.retries import RetryingModel
from victor_nb.protocols import IChatModel, IEventStore

Build = Callable[[], Awaitable[IChatModel]]
Redact = Callable[[str], str]
AskVectors = Callable[[Sequence[str]], Awaitable[list[list[float]]]]


@dataclass(frozen=True)
class Replayed:
    """What a replay has of its own, apart from the user's: where events go that are told no other place, and whether
    exporters deliver."""

    store: IEventStore
    exporters: bool = False


class ITape(Protocol):
    """`model` gives what is to be asked in place of the model of that name (None: the one that the environment offers),
    which `build` makes: that may need a key, so a tape that only replays does without. What `redact` takes out of a
    text is not to be written down. `clock` tells the time while the tape stands in between, and `replayed` is None
    unless it only replays. `embed` gives the vectors of texts in place of the embedder of
    that name, which `ask` asks."""

    @property
    def clock(self) -> IClock: ...
    @property
    def replayed(self) -> Replayed | None: ...
    async def model(self, named: str | None, build: Build, redact: Redact | None = None) -> IChatModel: ...
    async def embed(
        self, named: str, texts: Sequence[str], ask: AskVectors, redact: Redact | None = None
    ) -> list[list[float]]: ...


_BEGINS: Final = "victor_nb.notebook.kernel.recording"
_tape: ITape | None = None
_begun = False


def tape() -> ITape | None:
    """The one that stands in between now. The first time, in a kernel or where the environment names a cassette, what
    the extension would have begun is begun: a notebook need not load it."""
    global _begun  # noqa: PLW0603 (once a process)
    if not _begun:
        if "ipykernel" in sys.modules or "VICTOR_CASSETTE" in os.environ:
            import_module(_BEGINS).begin_here()  # named, not imported: this module stands below it
        _begun = True  # not if that failed: nothing may go out then
    return _tape


def set_tape(new: ITape | None) -> None:
    """Put `new` in between, in the whole process; None takes it away."""
    global _tape  # noqa: PLW0603 (a recording is of all that a process asks)
    _tape = new
    set_standing(new.clock if new else REAL)


def holds_back() -> bool:
    """Whether a replay is on in which exporters deliver nothing."""
    return (own := replayed()) is not None and not own.exporters


def replayed() -> Replayed | None:
    """What the replay has that is on now; None when none is."""
    standing = tape()
    return standing.replayed if standing else None


async def through_tape(model: Any, provider: Any, build: Build, redact: Redact | None = None) -> IChatModel:
    """What answers for the model that `model` and `provider` mean, as `build_model` takes them: what `build` makes, or
    what the tape puts in its place. An object that answers by itself, without a wire, is never replaced."""
    standing = tape()
    if standing is None:
        return await build()
    if isinstance(model, str | None) and isinstance(provider, str | None):
        return await standing.model(_named(model, provider), build, redact)
    built = await build()
    if not isinstance(built, RetryingModel):
        return built

    async def as_built() -> IChatModel:
        return built

    return await standing.model(f"{built.provider}:{built.name}", as_built, redact)


def _named(model: str | None, provider: str | None) -> str | None:
    if model is None or provider is None:
        return model or provider
    return model if model.startswith(f"{provider}:") else f"{provider}:{model}"
