"""A cassette: the requests of a notebook or a test with their answers, found by what was asked.

The same request made again gets its recordings in order, and the first again after the last. It may be used from any
thread.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
from collections import defaultdict
from pathlib import Path

from victor_nb.testing.cassettes.answer import Answer
from victor_nb.testing.cassettes.form import Player, Take, UnreadableForm, from_text, to_text
from victor_nb.testing.cassettes.missing import CassetteError
from victor_nb.testing.cassettes.sent import Sent
from victor_nb.testing.cassettes.verify import Difference, difference


class Cassette:
    """What the file `path` holds, and what is recorded now.

    Raises CassetteError when the file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.takes, self.players = _read(path)
        self.missing: list[Sent] = []
        self.given: list[Take] = []
        self.differences: list[Difference] = []
        self._lock = threading.Lock()
        self._used: defaultdict[str, int] = defaultdict(int)
        self._recorded: list[Take] = []
        self._by_key: defaultdict[str, list[int]] = defaultdict(list)
        for number, take in enumerate(self.takes):
            self._by_key[take.sent.key].append(number)

    def find(self, sent: Sent) -> Take | None:
        """The next recording of this request."""
        key = sent.key
        with self._lock:
            numbers = self._by_key.get(key)
            if not numbers:
                return None
            self._used[key] += 1
            take = self.takes[numbers[(self._used[key] - 1) % len(numbers)]]
            self.given.append(take)
            self.noted()
        return take

    def knows(self, named: str | None) -> bool:
        """Whether something is recorded of the model of that name; None is the one that the environment offers."""
        return ("" if named is None else named) in self.players

    def miss(self, sent: Sent) -> None:
        """Remember that this was asked and is not there."""
        with self._lock:
            self.missing.append(sent)
            self.noted()

    def verify(self, take: Take, now: Answer) -> None:
        """Remember what differs between what was given and what the model says now."""
        with self._lock:
            number = next(number for number, one in enumerate(self.takes, 1) if one is take)
            found = difference(number, take, now)
            self.differences += [found] if found else []
            self.noted()

    def record(self, sent: Sent, answer: Answer, player: Player) -> None:
        """Keep an answer; one that says the same as before stays as it was, timings and all, so that a file recorded
        again does not change."""
        key = sent.key
        with self._lock:
            before = self._by_key.get(key, [])
            number = self._used[key]
            self._used[key] += 1
            old = self.takes[before[number]].answer if number < len(before) else None
            self._recorded.append(Take(sent, old if old and old.says_the_same(answer) else answer))
            self.players[sent.model or ""] = player
            self.noted()

    def noted(self) -> None:
        """Called after each request, with the lock held; for those who tell of it."""

    @property
    def recorded(self) -> int:
        """How many answers were recorded now."""
        return len(self._recorded)

    @property
    def unused(self) -> list[Take]:
        """Recordings that nothing has asked for."""
        return [take for take in self.takes if not self._used.get(take.sent.key)]

    @property
    def replayed(self) -> int:
        """How many recorded answers were given."""
        return len(self.given)

    def save(self, *, anew: bool, to: Path | None = None) -> bool:
        """Write what was recorded: behind what is there, or `anew`, in place of all; `to` another file. Whether the
        file has changed.

        Raises:
            CassetteError: it cannot be written.
        """
        takes = self._in_old_order(self._recorded) if anew else [*self.takes, *self._recorded]
        named = {take.sent.model or "" for take in takes}
        text = to_text(takes, {name: player for name, player in self.players.items() if name in named})
        path = to or self.path
        try:
            if path.is_file() and path.read_text(encoding="utf-8") == text:
                return False
            _write(path, text)
        except OSError as error:
            raise CassetteError(f"{path} cannot be written: {error.strerror or error}.") from None
        return True

    def _in_old_order(self, takes: list[Take]) -> list[Take]:
        """Requests that were made side by side come in any order: those that are known stay where they were."""
        places = {key: numbers[0] for key, numbers in self._by_key.items()}
        last = -1.0
        ranked: list[tuple[float, int, Take]] = []
        for number, take in enumerate(takes):
            last = float(places[take.sent.key]) if take.sent.key in places else last + 1e-6
            ranked.append((last, number, take))
        return [take for _, _, take in sorted(ranked, key=lambda found: found[:2])]


def _read(path: Path) -> tuple[list[Take], dict[str, Player]]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return [], {}
    except (OSError, UnicodeDecodeError) as error:
        raise CassetteError(f"the cassette {path} cannot be read: {error}.", hint="mend or delete it") from None
    try:
        return from_text(text)
    except UnreadableForm as error:
        raise CassetteError(
            f"the cassette {path} cannot be read: {error}.", hint="mend it, or delete it and record it again"
        ) from None


def _write(path: Path, text: str) -> None:
    """Whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        Path(draft).chmod(0o644)
        Path(draft).replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            Path(draft).unlink()
        raise
