"""Signs that a sentence is a rule, an error, a decision or a correction: words that say so."""

from __future__ import annotations

import re
from typing import Final

RULE: Final = re.compile(
    r"\b(?:never|always|must|do not|don['’]t|cannot|can['’]t|may not|only use|forbidden|prohibited|avoid|"
    r"make sure|goal|important|constraint|objective|under no|refrain|mustn['’]t|shall|insist|require[sd]?|"
    r"whatever|at all costs)\b"
    r"|不要|必须|禁止|不得|目标",
    re.IGNORECASE,
)
ERROR: Final = re.compile(
    r"\b(?:error|\w+(?:Error|Exception)|failed|failure|fatal|traceback|critical|denied|refused|timed out|panic|"
    r"crash\w*|invalid|not found|corrupt\w*|unable|exit code [1-9])\b|错误|失败",
    re.IGNORECASE,
)
DECISION: Final = re.compile(
    r"\b(?:decided|decision|agreed|chose|chosen|conclu\w+|we will|root cause|because of|fixed by|recommend\w*|best|"
    r"therefore|approved|rejected|settled on|prefer\w*|instead of|no longer|works?|does ?n[o'’]t)\b|决定|结论",
    re.IGNORECASE,
)
CORRECTION: Final = re.compile(
    r"\b(?:actually|correction|corrected|updated?|changed|now|no longer|instead|revised|wrong|rather|turned out|"
    r"moved|raised|lowered|bumped|switched|supersed\w+|replac\w+|new|latest|scratch that|renamed|overr\w+|not|"
    r"korrektur|jetzt|ahora|maintenant)\b|更正|改为|现在",
    re.IGNORECASE,
)


def weight_of(text: str) -> float:
    """What the signs in a text are worth."""
    return 2.0 * bool(RULE.search(text)) + 1.8 * bool(ERROR.search(text)) + 0.8 * bool(DECISION.search(text))


def is_verbatim(text: str) -> bool:
    """Whether a text should be kept word for word."""
    return bool(RULE.search(text) or ERROR.search(text))
