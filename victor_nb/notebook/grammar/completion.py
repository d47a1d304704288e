"""Tab in a cell of the magics: flags, verbs, their values, and names inside of `{{ }}`.

A matcher of IPython's second interface, which kernels and terminals ask. Loading registers the function alone; what it
needs is imported when a cell has `%victor` in it. It never raises, and opens no socket on this thread.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final, cast

from IPython.core import completer

if TYPE_CHECKING:
    from collections.abc import Callable

    from IPython.core.completer import CompletionContext, SimpleMatcherResult
    from IPython.core.interactiveshell import InteractiveShell

log = logging.getLogger(__name__)
IDENTIFIER: Final = "victor_nb"
_FIRST: Final = 1_000  # before all others, so that those whose matches would be dropped are not asked at all


def register(shell: InteractiveShell) -> None:
    unregister(shell)
    cast("Any", shell).Completer.custom_matchers.append(_matcher(shell))


def unregister(shell: InteractiveShell) -> None:
    matchers: list[Any] = cast("Any", shell).Completer.custom_matchers
    matchers[:] = [other for other in matchers if getattr(other, "matcher_identifier", None) != IDENTIFIER]


def _matcher(shell: InteractiveShell) -> Callable[[CompletionContext], SimpleMatcherResult]:
    candidates: list[Any] = []

    @cast("Any", completer).context_matcher(priority=_FIRST, identifier=IDENTIFIER)
    def match(context: CompletionContext) -> SimpleMatcherResult:
        if "%victor" not in context.full_text:
            return {"completions": []}
        try:
            return _matches(shell, candidates, context)
        except Exception:
            log.debug("completion failed", exc_info=True)
            return {"completions": []}

    return match


class _Nothing(list["completer.SimpleCompletion"]):
    """No completion, and yet an answer: IPython asks its own matchers, which take their time and offer names of files,
    wherever the length of what it is given is 0."""

    def __len__(self) -> int:
        return 1


def _matches(shell: InteractiveShell, candidates: list[Any], context: CompletionContext) -> SimpleMatcherResult:
    from victor_nb.notebook.grammar.cursor import place_in

    place = place_in(context.full_text, context.cursor_line, context.cursor_position)
    if place is None:
        return {"completions": []}
    if not candidates:
        from victor_nb.notebook.grammar.candidates import Candidates

        candidates.append(Candidates(shell))
    offer = candidates[0].at(place)
    completions = [completer.SimpleCompletion(text, type=offer.kind) for text in offer.texts]
    return {
        "completions": completions if completions or offer.open else _Nothing(),
        "matched_fragment": offer.fragment,
        "suppress": True,
        "ordered": True,
    }
