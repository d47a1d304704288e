"""How much of what people write and models answer is kept: all of it, none, or what is left after redaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal, TypeAlias, cast

from victor_nb.events import EventContent
from victor_nb.store.redaction import Redactor

CapturePolicy: TypeAlias = Literal["on", "redacted", "off"]
_STRICTNESS: Final[tuple[CapturePolicy, ...]] = ("on", "redacted", "off")


@dataclass(frozen=True)
class Capture:
    """A policy, and the regular expressions of what `redacted` takes out."""

    policy: CapturePolicy = "on"
    patterns: tuple[str, ...] = ()

    def stricter(self, policy: CapturePolicy, patterns: Sequence[str]) -> Capture:
        """Both at once: the stricter policy, and all patterns."""
        stricter = _STRICTNESS[max(_STRICTNESS.index(self.policy), _STRICTNESS.index(policy))]
        return Capture(stricter, tuple(dict.fromkeys([*self.patterns, *patterns])))

    def of(self, content: EventContent | None) -> EventContent | None:
        """What of `content` may be stored."""
        if content is None or self.policy == "off":
            return None
        if self.policy == "on":
            return content
        texts = cast("dict[str, str]", content)
        return cast("EventContent", {name: self.redact(text) for name, text in texts.items()})

    def redact(self, text: str) -> str:
        """`text` without personal data, whatever the policy is."""
        return self._redactor.redact(text)

    @cached_property
    def _redactor(self) -> Redactor:
        return Redactor(self.patterns)
