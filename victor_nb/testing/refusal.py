"""`no_real_models`: for the length of a block no request reaches a provider. One that would is an error, and is one
once more at the end of the block when something has swallowed it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from victor_nb.errors import VictorError
from victor_nb.models import wire_guard

_LONGEST = 60


class RealModelError(VictorError):
    """A real model was to be asked where none may be."""


class Refusals:
    """What was refused, oldest first; `forget()` when a test has meant to ask."""

    def __init__(self) -> None:
        self.errors: list[RealModelError] = []

    def forget(self) -> None:
        self.errors.clear()

    def refuse(self, model: str, asked: str) -> RealModelError:
        line = " ".join(asked.split())
        short = line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"
        error = RealModelError(
            f'{model} was to be asked "{short}", and no real model may be asked here.',
            hint="give the code a ScriptedModel, or record the answer: @pytest.mark.victor_cassette, use_cassette(…)",
        )
        self.errors.append(error)
        return error

    def check(self) -> None:
        """
        Raises:
            RealModelError: something was refused.
        """
        if self.errors:
            raise self.errors[0]


@contextmanager
def no_real_models() -> Generator[Refusals]:
    """Inside of the block nothing is sent to a provider, whoever asks: chats, summaries, embedders, whatever key there
    is. Recorded answers, a `ScriptedModel` and `demo` go on as ever.

    Raises:
        RealModelError: where a request would have been sent; and at the end of the block, when that was swallowed.
    """
    refusals = Refusals()
    with wire_guard.forbidden(refusals.refuse):
        yield refusals
    refusals.check()
