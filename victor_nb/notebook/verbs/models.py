"""`%victor models`: what one can chat with, what it costs, and whether the key for it is there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from victor_nb.errors import VictorError, did_you_mean
from victor_nb.models.keys import environment
from victor_nb.models.known import KnownModel, key_place, known_models
from victor_nb.notebook.conversations.listing import frame_of
from victor_nb.notebook.words import Wait, say

if TYPE_CHECKING:
    from victor_nb.session import Session

_COLUMNS: Final = {
    "in_use": "boolean",
    "provider": "string",
    "model": "string",
    "key": "string",
    "context_window": "Int64",
    "input_usd_per_mtok": "Float64",
    "output_usd_per_mtok": "Float64",
}
_FOUND: Final = ("environment", ".env", "keyring", "not needed")


def models(session: Session, words: list[str], wait: Wait) -> Any:
    """All models, or those whose provider and name hold all words; the one in use and those with a key come first."""
    rows = wait(asyncio.to_thread(_rows, _in_use(session, wait)))
    wanted = [word.lower() for word in words]
    found = [row for row in rows if all(word in f"{row['provider']}:{row['model']}".lower() for word in wanted)]
    if not found:
        names = {piece for row in rows for piece in (row["provider"], row["model"])}
        say(f"No known model has {' and '.join(words)} in its name.{did_you_mean(words[-1], names)}")
    return frame_of(found, _COLUMNS)


def _in_use(session: Session, wait: Wait) -> KnownModel | None:
    try:
        model = wait(session.orchestrator.resolve_model())
    except VictorError:  # it has no key, say; `%victor model` tells
        return None
    return KnownModel(model.provider, model.name, model.context_window)


def _rows(in_use: KnownModel | None) -> list[dict[str, Any]]:
    env = environment()
    known = known_models(env)
    if in_use and in_use.name not in {model.name for model in known}:
        known.insert(0, in_use)
    places = {provider: key_place(provider, env) for provider in _providers(known)}
    rows = [_row(model, places.get(model.provider, "not needed"), in_use) for model in known]
    return sorted(rows, key=lambda row: (not row["in_use"], row["key"] not in _FOUND))


def _providers(known: Iterable[KnownModel]) -> list[str]:
    from victor_nb.models.catalog import PROVIDERS

    return [name for name in dict.fromkeys(model.provider for model in known) if name in PROVIDERS]


def _row(model: KnownModel, place: str, in_use: KnownModel | None) -> dict[str, Any]:
    return {
        "in_use": in_use is not None and model.name == in_use.name,
        "provider": model.provider,
        "model": model.model,
        "key": place,
        "context_window": model.context_window,
        "input_usd_per_mtok": model.input_usd,
        "output_usd_per_mtok": model.output_usd,
    }
