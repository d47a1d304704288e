"""Signs that a sentence is a rule, an error, a decision or a correction: words that say so."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_RULE: Final = re.compile(
    r"\b(?:never|always|must|do not|don['’]t|cannot|can['’]t|may not|only use|forbidden|prohibited|avoid|"
    r"make sure|goal|important|constraint|objective|under no|refrain|mustn['’]t|shall|insist|require[sd]?|"
    r"whatever|at all costs)\b"
    r"|不要|必须|禁止|不得|目标",
)
_ERROR: Final = re.compile(
    r"(?:error|exception)s?\b|\b(?:failed|failure|fatal|traceback|critical|denied|refused|timed out|panic|"
    r"crash\w*|invalid|not found|corrupt\w*|unable|exit code [1-9])\b|错误|失败",
)
_DECISION: Final = re.compile(
    r"\b(?:decided|decision|agreed|chose|chosen|conclu\w+|we will|root cause|because of|fixed by|recommend\w*|best|"
    r"therefore|approved|rejected|settled on|prefer\w*|instead of|no longer|works?|does ?n[o'’]t)\b|决定|结论",
)
_CORRECTION: Final = re.compile(
    r"\b(?:actually|correction|corrected|updated?|changed|now|no longer|instead|revised|wrong|rather|turned out|"
    r"moved|raised|lowered|bumped|switched|supersed\w+|replac(?:e[ds]?|ing|ement)|new|latest|scratch that|renamed|"
    r"overr\w+|not|korrektur|jetzt|ahora|désormais)\b|更正|改为|现在",
)


@dataclass(frozen=True, slots=True)
class Cues:
    """Which signs a text has."""

    rule: bool
    error: bool
    decision: bool
    correction: bool

    @property
    def weight(self) -> float:
        """What they are worth."""
        return 2.0 * self.rule + 1.8 * self.error + 0.8 * self.decision


NONE: Final = Cues(rule=False, error=False, decision=False, correction=False)


def cues_of(text: str) -> Cues:
    lower = text.lower()
    return Cues(*(sign.search(lower) is not None for sign in (_RULE, _ERROR, _DECISION, _CORRECTION)))
