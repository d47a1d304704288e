"""Which tools a request offers when there are more than it should carry.

Those that the message names or the conversation has just used stay; the rest is ranked. What was offered before stays
where it can: another set of tools costs the provider's cache of everything behind it.
"""

from __future__ import annotations

import logging
import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Protocol

from victor_nb.agent.tools.ranking import Embed, by_meaning, by_words, mixed
from victor_nb.errors import UsageError, VictorError
from victor_nb.messages import ToolSpec
from victor_nb.models.embeddings import TFIDF, embed
from victor_nb.models.taping import Redact
from victor_nb.protocols import Embedder
from victor_nb.store.redaction import IRedactionSettings, redact_of

log = logging.getLogger(__name__)

_CACHED_VECTORS: Final = 4096
_FRESH_SHARE: Final = 0.5
"""How much of the limit belongs to what fits the question best, whatever was offered before."""


class ISelectionSettings(IRedactionSettings, Protocol):
    """The settings that selection reads; `Settings` has them."""

    @property
    def tool_selection_strategy(self) -> str: ...
    @property
    def tool_selection_limit(self) -> int: ...
    @property
    def tool_selection_hybrid_alpha(self) -> float: ...
    @property
    def embedder(self) -> str | None: ...


class IToolbox(Protocol):
    """What holds tools; a `Toolbox` does."""

    @property
    def specs(self) -> tuple[ToolSpec, ...]: ...


class ToolSelector:
    """Selects tools for the sessions of one orchestrator; remembers what each was offered, and the tools' vectors.

    `embedder` is asked instead of the one that the settings name.
    """

    def __init__(self, embedder: Embedder | None = None) -> None:
        self._embedder = embedder
        self._offered: dict[str, tuple[str, ...]] = {}
        self._vectors: OrderedDict[tuple[str, str], Sequence[float]] = OrderedDict()
        self._warned = False

    async def select(
        self,
        session_id: str,
        toolbox: IToolbox,
        message: str,
        recent_names: Sequence[str],
        settings: ISelectionSettings,
    ) -> tuple[ToolSpec, ...]:
        """The tools to offer, in the toolbox's order; all of them when they are not too many."""
        specs, limit = toolbox.specs, settings.tool_selection_limit
        if len(specs) <= limit:
            self._offered.pop(session_id, None)
            return specs
        scores = await self._scores(message, specs, settings)
        wanted = _wanted(message, recent_names, specs, limit)
        chosen = _chosen(specs, scores, wanted, self._offered.get(session_id, ()), limit)
        self._offered[session_id] = tuple(spec.name for spec in specs if spec.name in chosen)
        return tuple(spec for spec in specs if spec.name in chosen)

    def rehearsal(self, unasked: Callable[[str], None]) -> ToolSelector:
        """One that selects the same, of which nothing here is changed. Where an embedder would be asked it compares
        words, and tells `unasked`."""
        twin = _WordSelector(self._embedder, unasked)
        twin._offered, twin._warned = dict(self._offered), True
        return twin

    def forget(self, session_id: str) -> None:
        """The next selection of the session starts anew."""
        self._offered.pop(session_id, None)

    def offered(self, session_id: str) -> tuple[str, ...]:
        """What the session was offered last, when it had to be selected."""
        return self._offered.get(session_id, ())

    def restore(self, session_id: str, names: tuple[str, ...]) -> None:
        """As if `names` had been offered last: a turn is run again."""
        self._offered[session_id] = names

    async def _scores(self, message: str, specs: Sequence[ToolSpec], settings: ISelectionSettings) -> list[float]:
        strategy = settings.tool_selection_strategy
        wording = by_words(message, specs)
        if strategy == "keyword":
            return wording
        try:
            meaning = await by_meaning(message, specs, self._embed_with(settings.embedder, redact_of(settings)))
        except (VictorError, ValueError) as error:
            self._warn(error)
            return wording
        return meaning if strategy == "semantic" else mixed(meaning, wording, settings.tool_selection_hybrid_alpha)

    def _warn(self, error: Exception) -> None:
        if not self._warned:
            log.warning("tools are selected by their words, since the embedder failed: %s", error)
        self._warned = True

    def _embed_with(self, name: str | None, redact: Redact | None) -> Embed:
        """Vectors of a real embedder are kept; those of TF-IDF can only be compared within one call."""
        embedder = self._embedder or name
        if embedder is None or embedder == TFIDF:
            return embed

        async def remembered(texts: Sequence[str]) -> list[Sequence[float]]:
            keys = [(str(embedder), text) for text in texts]
            known = {key: self._vectors[key] for key in keys if key in self._vectors}
            new = [key for key in dict.fromkeys(keys) if key not in known]
            if new:
                known |= dict(zip(new, await embed([text for _, text in new], embedder, redact=redact), strict=True))
                self._remember({key: known[key] for key in new if key != keys[0]})
            return [known[key] for key in keys]

        return remembered

    def _remember(self, vectors: Mapping[tuple[str, str], Sequence[float]]) -> None:
        self._vectors.update(vectors)
        while len(self._vectors) > _CACHED_VECTORS:
            self._vectors.popitem(last=False)


class _WordSelector(ToolSelector):
    def __init__(self, embedder: Embedder | None, unasked: Callable[[str], None]) -> None:
        super().__init__(embedder)
        self._unasked = unasked

    def _embed_with(self, name: str | None, redact: Redact | None) -> Embed:
        embedder = self._embedder or name
        if embedder is None or embedder == TFIDF:
            return embed

        async def refuse(texts: Sequence[str]) -> list[Sequence[float]]:
            self._unasked("The tools are chosen by their words here: the embedder is not asked, and may choose others.")
            raise UsageError("a preview asks no embedder.")

        return refuse


async def select_tools(
    toolbox: IToolbox,
    message: str,
    recent_names: Sequence[str],
    settings: ISelectionSettings,
    selector: ToolSelector | None = None,
    session_id: str = "",
) -> tuple[ToolSpec, ...]:
    """Once, or (with a `selector`) with regard to what the session was offered before."""
    return await (selector or ToolSelector()).select(session_id, toolbox, message, recent_names, settings)


def _wanted(message: str, recent: Sequence[str], specs: Sequence[ToolSpec], limit: int) -> list[str]:
    """Tools that are offered in any case: those that the message names, then those used last (the end of `recent`)."""
    known = {spec.name for spec in specs}
    named = [name for name in known if re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", message)]
    named.sort(key=lambda name: (message.index(name), name))
    used = [name for name in reversed(recent) if name in known]
    return list(dict.fromkeys([*named, *used]))[:limit]


def _chosen(
    specs: Sequence[ToolSpec], scores: Sequence[float], wanted: Sequence[str], before: Iterable[str], limit: int
) -> set[str]:
    """At most `limit` names: the wanted ones, the best of the ranking, then those offered before, then the ranking on.
    Equal scores go by the toolbox's order."""
    order = sorted(range(len(specs)), key=lambda number: (-scores[number], number))
    ranked = [specs[number].name for number in order]
    fresh = [specs[number].name for number in order[: max(1, round(limit * _FRESH_SHARE))] if scores[number] > 0]
    rank = {name: place for place, name in enumerate(ranked)}
    kept = sorted((name for name in before if name in rank), key=rank.__getitem__)
    return set(list(dict.fromkeys([*wanted, *fresh, *kept, *ranked]))[:limit])
