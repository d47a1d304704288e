"""The messages of a request as JSON, held as a chain: a conversation that goes on shares what it goes on from, and
costs what is new, in time and in memory.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from victor_nb.messages import JsonValue
from victor_nb.testing.cassettes.redaction import HOME, homeless

JsonMap = dict[str, JsonValue]
_START = b""


def canonical(value: Any) -> str:
    """JSON text that is the same for equal values."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(*texts: str, before: bytes = _START) -> bytes:
    """Sixteen bytes that are the same for the same texts behind the same `before`."""
    found = hashlib.blake2b(before, digest_size=16)
    for text in texts:
        raw = text.encode("utf-8", "surrogatepass")
        found.update(len(raw).to_bytes(8, "big"))
        found.update(raw)
    return found.digest()


@dataclass(frozen=True, eq=False)
class Talk:
    """`message` behind all that came `before` it; `digest` is the same for equal messages in the same order. `at_home`
    tells whether the recording machine's home folder is named in any of them."""

    before: Talk | None
    message: JsonMap
    size: int
    digest: bytes
    at_home: bool

    @classmethod
    def ending(cls, message: JsonMap, before: Talk | None) -> Talk:
        text = canonical(message)
        if before is None:
            return cls(None, message, 1, digest(text), HOME in text)
        return cls(before, message, before.size + 1, digest(text, before=before.digest), before.at_home or HOME in text)

    @classmethod
    def of(cls, messages: Iterable[JsonMap], before: Talk | None = None) -> Talk | None:
        """These `messages` behind those `before`; None when there are none at all."""
        for message in messages:
            before = cls.ending(message, before)
        return before

    def back(self) -> Iterator[Talk]:
        """This one and all that it goes on from, the longest first."""
        at: Talk | None = self
        while at is not None:
            yield at
            at = at.before

    def since(self, size: int) -> list[JsonMap]:
        """The messages behind the first `size`."""
        found = [at.message for at in self._newer(size)]
        return found[::-1]

    def _newer(self, size: int) -> Iterator[Talk]:
        for at in self.back():
            if at.size <= size:
                return
            yield at

    @cached_property
    def homeless(self) -> bytes:
        """The digest, had its texts named nobody's home folder."""
        known: bytes = _START
        unknown: list[Talk] = []
        for at in self.back():
            if at is not self and "homeless" in at.__dict__:
                known = at.homeless
                break
            unknown.append(at)
        for at in reversed(unknown):
            known = at.__dict__["homeless"] = digest(homeless(canonical(at.message)), before=known)
        return known
