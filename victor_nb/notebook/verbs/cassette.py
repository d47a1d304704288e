"""`%victor cassette`: what models answer from in this kernel, and what came of it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from victor_nb.errors import UsageError, did_you_mean
from victor_nb.notebook.grammar.verb_table import FOLLOWING
from victor_nb.notebook.verbs.finding import Finding
from victor_nb.notebook.words import Wait, confirm, refuse_more, say

if TYPE_CHECKING:
    from victor_nb.session import Session
    from victor_nb.testing.cassettes.cassette import Cassette
    from victor_nb.testing.notebooks.recordings import Recordings

_PACE: Final = re.compile(r"(\d+(?:\.\d+)?|\.\d+)x?", re.IGNORECASE)
_SHOWN: Final = 5


def cassette(session: Session, words: list[str], wait: Wait) -> None:
    """
    Raises:
        UsageError: what follows is no mode, nor a pace behind `replay`.
        CassetteError: it cannot be told where the recordings are, or the file cannot be used; recording under CI.
    """
    from victor_nb.testing.notebooks.recordings import here

    recordings = here()
    if not words:
        say("\n".join(status(recordings)))
        return
    mode, pace = _mode(words[0]), _pace(words)
    if recordings.is_led:
        confirm(session, _headline(recordings))
        return
    was = recordings.mode
    recordings.switch(mode, pace)
    anew = "replay" in (was, mode) and was != mode and _begin_anew(session)
    after = "\nA conversation of its own begins: say again which model, tools and exporters it has." if anew else ""
    confirm(session, f"{_headline(recordings)}{after}")


def _mode(word: str) -> str:
    known = FOLLOWING["cassette"]
    if word not in known:
        hint = f"one of {', '.join(known)}"
        raise UsageError(f"%victor cassette: there is no {word!r}.{did_you_mean(word, known)}", hint=hint)
    return "live" if word == "off" else word


def _pace(words: list[str]) -> float | None:
    if len(words) == 1:
        return None
    refuse_more(f"cassette {words[0]}", words[2:] if words[0] == "replay" else words[1:])
    found = _PACE.fullmatch(words[1])
    if found is None or not float(found[1]):
        raise UsageError(
            f"%victor cassette replay: {words[1]!r} is no pace.", hint="1x is as recorded, 2x twice as fast"
        )
    return float(found[1])


def _begin_anew(session: Session) -> bool:
    """A replay has a store and a conversation of its own, so that nothing of it is mixed with the user's. Whether there
    was a conversation to leave."""
    from victor_nb.session import Session as NewSession
    from victor_nb.session import set_current

    if not session.is_begun:
        return False
    session.close()
    new = NewSession()
    new.tags = session.tags
    set_current(new)
    return True


def status(recordings: Recordings) -> Iterator[str]:
    """Mode and file; what was replayed, recorded, missing and not asked for; what a verified model says otherwise."""
    yield _headline(recordings)
    if recordings.mode == "live":
        return
    cassette = recordings.cassette()
    report = cassette.report()
    counts = [f"{report.replayed} replayed", f"{report.recorded} recorded"]
    counts += [f"{report.verified} verified"] if recordings.mode == "verify" else []
    yield ", ".join([*counts, f"{_missing(cassette)} missing", f"{report.unused} not asked for"])
    yield from [text for text in (report.missing, report.changed, report.reworded) if text]
    unused = cassette.unused_numbers
    if recordings.mode == "replay" and unused:
        more = f" and {len(unused) - _SHOWN} more" if len(unused) > _SHOWN else ""
        yield f"not asked for: recordings {', '.join(map(str, unused[:_SHOWN]))}{more}"


def recordings_found(session: Session, wait: Wait) -> Iterator[Finding]:
    """For `%victor doctor`."""
    from victor_nb.testing.notebooks.recordings import here

    recordings = here()
    missing = _missing(recordings.peek()) if recordings.mode != "live" else 0
    told = f"; {'1 request was' if missing == 1 else f'{missing} requests were'} not recorded" if missing else ""
    yield Finding(f"{_headline(recordings)}{told}", "see %victor cassette" if missing else "")


def _missing(cassette: Cassette) -> int:
    return len(cassette.missing) + len(cassette.lacking)


def _headline(recordings: Recordings) -> str:
    from victor_nb.testing.cassettes.missing import CassetteError

    try:
        path = recordings.place.cassette
        held = _held(recordings)
    except CassetteError as error:
        if recordings.mode != "live":
            raise
        return f"live: models answer themselves; {error.message}"
    holds = f"{_short(path)}, {held} {'recording' if held == 1 else 'recordings'}"
    pace = f" at {recordings.pace:g}x" if recordings.pace else ""
    return f"{recordings.mode}{pace}: {_MEANS[recordings.mode]} ({holds})"


def _held(recordings: Recordings) -> int:
    """How many recordings there are, with those of now."""
    cassette = recordings.peek()
    replaced = recordings.mode == "rewrite" and cassette.recorded
    return cassette.recorded + (0 if replaced else len(cassette.takes))


def _short(path: Path) -> str:
    """As one would write it here."""
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)


_MEANS: Final = {
    "replay": "recorded answers are given, nothing is asked",
    "record": "what is not recorded is asked, and recorded",
    "rewrite": "everything is asked, and recorded anew",
    "verify": "models are asked what is recorded, and compared; recorded answers are given",
    "live": "models answer themselves, nothing is recorded",
}
