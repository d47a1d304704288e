"""A cassette: the requests of a notebook or a test with their answers, found by what was asked.

The same request made again gets its recordings in order, and the first again after the last. It may be used from any
thread. What is recorded stands in the order in which it was asked, whichever answer came first.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from victor_nb.testing.cassettes.answer import Answer
from victor_nb.testing.cassettes.file import read, write
from victor_nb.testing.cassettes.form import Player, Take
from victor_nb.testing.cassettes.missing import MissingRecordingError, missing
from victor_nb.testing.cassettes.page import Page
from victor_nb.testing.cassettes.sent import Sent
from victor_nb.testing.cassettes.vectors import Embeddings, Vectors
from victor_nb.testing.cassettes.verify import Difference, difference


@dataclass(frozen=True)
class _Recorded:
    """`turn` is the place in the order of asking."""

    turn: int
    take: Take


class Cassette:
    """What the file `path` holds, and what is recorded now.

    Raises CassetteError when the file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = read(path)
        self.takes, self.players = self._file.content.takes, dict(self._file.content.players)
        self.warns = True
        """Whether a replay that has ended tells of what was unused; who does that otherwise sets it to False."""
        self.missing: list[Sent] = []
        self.lacking: list[MissingRecordingError] = []
        self.given: list[Take] = []
        self.differences: list[Difference] = []
        self._lock = threading.RLock()
        self._vectors = Vectors(self._file.content.embeddings)
        self._used: defaultdict[bytes, int] = defaultdict(int)
        self._unused = set(range(len(self.takes)))
        self._turns = 0
        self._recorded: list[_Recorded] = []
        self._by_key: defaultdict[bytes, list[int]] = defaultdict(list)
        self._by_homeless_key: dict[bytes, bytes] = {}
        self._page = Page()
        for number, take in enumerate(self.takes):
            self._by_key[take.sent.key].append(number)
            if take.sent.at_home:
                self._by_homeless_key.setdefault(take.sent.homeless_key, take.sent.key)

    def find(self, sent: Sent) -> Take | None:
        """The next recording of this request."""
        with self._lock:
            key = self._known_key(sent)
            numbers = self._by_key.get(key)
            if not numbers:
                return None
            number = numbers[self._used[key] % len(numbers)]
            self._used[key] += 1
            self._unused.discard(number)
            take = self.takes[number]
            self.given.append(take)
            self.noted()
        return take

    def _known_key(self, sent: Sent) -> bytes:
        """Where it was recorded on a machine whose home folder stands in it, this one's may too."""
        if sent.key in self._by_key or not self._by_homeless_key:
            return sent.key
        return self._by_homeless_key.get(sent.homeless_key, sent.key)

    def knows(self, named: str | None) -> bool:
        """Whether something is recorded of the model of that name; None is the one that the environment offers."""
        return ("" if named is None else named) in self.players

    def miss(self, sent: Sent) -> None:
        """Remember that this was asked and is not there."""
        with self._lock:
            self.missing.append(sent)
            self.noted()

    def vectors_of(self, embedder: str, texts: Iterable[str]) -> dict[str, bytes]:
        """What is recorded of these texts."""
        with self._lock:
            return self._vectors.of(embedder, texts)

    def keep_vectors(self, embedder: str, vectors: Mapping[str, bytes]) -> dict[str, bytes]:
        """Record these; gives what stands in the file then."""
        with self._lock:
            kept = {text: self._vectors.keep(embedder, text, vector) for text, vector in vectors.items()}
            self.noted()
        return kept

    def lack_vectors(self, error: MissingRecordingError) -> None:
        """Remember that vectors were asked for which are not there."""
        with self._lock:
            self.lacking.append(error)
            self.noted()

    @property
    def lack(self) -> MissingRecordingError | None:
        """What was asked and is not there. Vectors are told first: who goes on without them asks something else."""
        if self.lacking:
            return self.lacking[0]
        return missing(self.missing[0], self.takes, self.path) if self.missing else None

    def verify(self, take: Take, now: Answer) -> None:
        """Remember what differs between what was given and what the model says now."""
        with self._lock:
            number = next(number for number, one in enumerate(self.takes, 1) if one is take)
            found = difference(number, take, now)
            self.differences += [found] if found else []
            self.noted()

    def turn(self) -> int:
        """The next place in the order of asking, for a request that is made now."""
        with self._lock:
            self._turns += 1
            return self._turns

    def record(self, sent: Sent, answer: Answer, player: Player, turn: int | None = None) -> None:
        """Keep an answer, in the place `turn`, or behind all others."""
        with self._lock:
            self._recorded.append(_Recorded(self.turn() if turn is None else turn, Take(sent, answer)))
            self._recorded.sort(key=lambda one: one.turn)
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
        return [self.takes[number - 1] for number in self.unused_numbers]

    @property
    def unused_numbers(self) -> list[int]:
        """Which these are, counted from 1."""
        with self._lock:
            return [number + 1 for number in sorted(self._unused)]

    @property
    def unused_count(self) -> int:
        """How many these are."""
        return len(self._unused)

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
        with self._lock:
            new = [one.take for one in self._recorded]
            takes = self._in_old_order(new) if anew else [*self.takes, *new]
            embeddings = self._vectors.to_save(anew=anew)
        if not takes and not embeddings and not self._file.text:
            return False
        return save_takes(to or self.path, takes, self.players, self._file.newline, self._page, embeddings)

    def _in_old_order(self, takes: list[Take]) -> list[Take]:
        """Requests that were made side by side come in any order: those that are known stay where they were. Answers
        that say the same stay as they were, timings and all, so that a file recorded again does not change."""
        seen: defaultdict[bytes, int] = defaultdict(int)
        last, known = -1.0, list[int | None]()
        ranked: list[tuple[float, int]] = []
        for place, take in enumerate(takes):
            numbers = self._by_key.get(take.sent.key, [])[seen[take.sent.key] :]
            seen[take.sent.key] += 1
            last = float(numbers[0]) if numbers else last + 1e-6
            known.append(numbers[0] if numbers else None)
            ranked.append((last, place))
        kept = self._as_before(takes, known)
        return [kept[place] for _, place in sorted(ranked)]

    def _as_before(self, takes: Sequence[Take], known: Sequence[int | None]) -> list[Take]:
        """`known` has which recording each was. Behind a question that is new, a conversation is new to its end: what
        is answered as it was keeps the time that it took, and nothing else."""
        free: defaultdict[str, list[int]] = defaultdict(list)
        if None in known:
            for number in sorted(set(range(len(self.takes))).difference(known), reverse=True):
                free[self.takes[number].answer.words].append(number)
        return [
            self._as_known(take, number) if number is not None else self._as_timed(take, free)
            for take, number in zip(takes, known, strict=True)
        ]

    def _as_known(self, take: Take, number: int) -> Take:
        old = self.takes[number]
        return old if old.answer.says_the_same(take.answer) else Take(old.sent, take.answer)

    def _as_timed(self, take: Take, free: Mapping[str, list[int]]) -> Take:
        numbers = free.get(take.answer.words)
        return Take(take.sent, take.answer.timed_as(self.takes[numbers.pop()].answer)) if numbers else take


def save_takes(
    path: Path,
    takes: Sequence[Take],
    players: Mapping[str, Player],
    newline: str = "\n",
    page: Page | None = None,
    embeddings: Embeddings | None = None,
) -> bool:
    """Write these to the file, with the models that they need; `page` knows what was written before. Whether it has
    changed.

    Raises:
        CassetteError: it cannot be written.
    """
    named = {take.sent.model or "" for take in takes}
    text = (page or Page()).text(takes, {name: players[name] for name in players if name in named}, embeddings)
    return write(path, text, newline)
