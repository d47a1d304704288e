"""`%victor analytics`: what the turns cost and took, and the upkeep of the store that remembers them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from victor_nb import clock
from victor_nb.errors import StoreError, UsageError, did_you_mean
from victor_nb.frames.times import to_us
from victor_nb.notebook.grammar.arguments import parse_words
from victor_nb.notebook.words import Wait, path_of, refuse_more, say, size_of
from victor_nb.protocols import IEventStore, IStoreUpkeep

if TYPE_CHECKING:
    from victor_nb.session import Session


def analytics(session: Session, words: list[str], wait: Wait) -> Any:
    """
    Raises:
        UsageError: a word is neither a column of `turns()` nor something that can be done to the store.
        StoreError: the store cannot do it.
    """
    if words and (action := _ACTIONS.get(words[0])):
        return action(session.store, words[1:])
    try:
        return session.analytics.summary(by=words or "model")
    except UsageError as error:
        if words and (nearest := did_you_mean(words[0], _ACTIONS)):
            raise UsageError(f"%victor analytics: no column {words[0]!r}.{nearest}", hint=error.hint) from None
        raise


def _prune(store: IEventStore, words: list[str]) -> None:
    found = parse_words(
        "%victor analytics prune",
        words,
        "as %victor analytics prune --before 2026-01-31, or --before 90d",
        ("--before", {"metavar": "DATE", "required": True}),
        ("--undelivered", {"action": "store_true"}),
    )
    before, undelivered = found.before, found.undelivered
    moment_us = to_us(before, "before")
    moment = clock.local(datetime.fromtimestamp(moment_us / 1e6, UTC))
    if moment > clock.now():
        raise UsageError(f"{before} is in the future.", hint="name a date that is past, or an age as 90d")
    upkeep = _upkeep(store, "prune")
    size = upkeep.size_bytes()
    number = upkeep.prune(moment_us, undelivered=undelivered)
    say(f"Deleted {_events(number)} from before {moment:%Y-%m-%d %H:%M %Z}. The store takes {_change(upkeep, size)}.")
    if number:
        say("%victor analytics vacuum gives back what it does not use.")
    if not undelivered and any(outbox.pending for outbox in store.outboxes()):
        say("Events that an exporter has yet to deliver were kept; --undelivered deletes them too.")


def _vacuum(store: IEventStore, words: list[str]) -> None:
    refuse_more("analytics vacuum", words)
    upkeep = _upkeep(store, "vacuum")
    size = upkeep.size_bytes()
    upkeep.vacuum()
    say(f"The store takes {_change(upkeep, size)}.")


def _backup(store: IEventStore, words: list[str]) -> None:
    if len(words) != 1:
        raise UsageError(
            "%victor analytics backup takes one path.", hint="as %victor analytics backup ~/victor-backup.db"
        )
    path = path_of(words[0]).absolute()
    _check_is_new(path)
    _upkeep(store, "backup").backup(path)
    say(f"Copied the store to {path} ({size_of(path.stat().st_size)}).")


def _check_is_new(path: Path) -> None:
    try:
        if path.exists():
            raise UsageError(f"{path} exists already.", hint="name a file that does not exist yet")
        if not path.parent.is_dir():
            raise UsageError(f"there is no folder {path.parent}.", hint="make it first, or name another one")
    except OSError as error:
        raise UsageError(f"this path cannot be used ({error.strerror}).", hint="name another file") from None


def _size(store: IEventStore, words: list[str]) -> None:
    refuse_more("analytics size", words)
    runs = store.runs()
    known = [run.stored for run in runs if run.stored is not None]
    size = size_of(_upkeep(store, "size").size_bytes())
    kernels = f"{len(runs):,} kernel run{'' if len(runs) == 1 else 's'}"
    say(f"{size}: {_events(sum(known))} of {kernels}, in {place_of(store)}")


def _upkeep(store: IEventStore, action: str) -> IStoreUpkeep:
    if not isinstance(store, IStoreUpkeep):
        raise StoreError(f"{type(store).__name__} cannot {action}.", hint="do it with the tools of its own database")
    store.flush()
    return store


def place_of(store: object) -> str:
    """Where a store keeps its events, for people to read."""
    return str(getattr(store, "place", type(store).__name__))


def _change(upkeep: IStoreUpkeep, before: int) -> str:
    now = upkeep.size_bytes()
    return f"{size_of(now)}, {f'{size_of(before - now)} less' if now < before else 'as before'}"


def _events(number: int) -> str:
    return f"{number:,} event{'' if number == 1 else 's'}"


_ACTIONS: Final[dict[str, Callable[[IEventStore, list[str]], None]]] = {
    "prune": _prune,
    "vacuum": _vacuum,
    "backup": _backup,
    "size": _size,
}
