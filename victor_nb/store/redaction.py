"""Taking personal data out of text: what `capture_content="redacted"` keeps of prompts, answers, arguments and results.

E-mail addresses, phone numbers, and the numbers of cards and bank accounts go always, the user's own patterns besides.
Secrets are another matter (`scrub.py`): they never reach a store at all.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

REDACTED: Final = "[redacted]"

_ESCAPED = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)+"', re.DOTALL)
_EMAIL = re.compile(r"[\w.+%-]{1,64}@[\w-]+(?:\.[\w-]+)+")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")
_CARD = re.compile(r"(?<![\w.])\d(?:[ -]?\d){12,18}(?![\w])")
_PHONE = re.compile(
    r"(?<![\w+.])(?:"
    r"(?:\+|00)[1-9]\d{0,2}(?:[ ./-]?\(?\d{1,5}\)?){2,6}"  # +49 170 1234567
    r"|\(\d{2,5}\)[ ./-]?\d{2,5}(?:[ ./-]?\d{2,5}){0,3}"  # (030) 123 45 67
    r"|\d{3}[ .-]\d{3}[ .-]\d{4}"  # 555-123-4567
    r"|0\d{2,4}[ /-]\d{3,8}(?:[ -]\d{2,5}){0,2}"  # 0170 1234567
    r")(?![\w])"
)


class IRedactionSettings(Protocol):
    """The settings that say what is personal; `Settings` has them."""

    @property
    def capture_content(self) -> str: ...
    @property
    def redact_patterns(self) -> Sequence[str]: ...


def redact_of(settings: IRedactionSettings) -> Callable[[str], str] | None:
    """What takes the user's personal data out of what is written down; None when that is not wanted."""
    patterns = settings.redact_patterns
    return Redactor(patterns).redact if patterns or settings.capture_content == "redacted" else None


class Redactor:
    """`patterns` are regular expressions of the user's own.

    Raises:
        re.error: one of them cannot be compiled.
    """

    def __init__(self, patterns: Iterable[str] = ()) -> None:
        self._patterns = [re.compile(pattern) for pattern in patterns]

    def redact(self, text: str) -> str:
        """`text` with `[redacted]` in place of each find. Strings of JSON are looked through as what they stand for."""
        if "\\" in text:
            text = _ESCAPED.sub(self._string, text)
        for pattern in self._patterns:
            text = pattern.sub(lambda found: REDACTED if found[0] else "", text)
        if "@" in text:
            text = _EMAIL.sub(REDACTED, text)
        text = _IBAN.sub(lambda found: REDACTED if _is_iban(found[0]) else found[0], text)
        text = _CARD.sub(lambda found: REDACTED if _is_card(found[0]) else found[0], text)
        return _PHONE.sub(lambda found: REDACTED if sum(c.isdigit() for c in found[0]) >= 8 else found[0], text)

    def _string(self, found: re.Match[str]) -> str:
        try:
            plain: str = json.loads(found[0], strict=False)
        except ValueError:
            return found[0]
        clean = self.redact(plain)
        return found[0] if clean == plain else json.dumps(clean)


def _is_iban(text: str) -> bool:
    """ISO 13616: the number, its first four characters last and letters as numbers, is 1 modulo 97."""
    plain = text.replace(" ", "")
    return int("".join(str(int(character, 36)) for character in plain[4:] + plain[:4])) % 97 == 1


def _is_card(text: str) -> bool:
    """ISO/IEC 7812: every second digit from the right doubled, the sum of all digits is a multiple of 10."""
    digits = [int(character) for character in reversed(text) if character.isdigit()]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return (sum(digits[0::2]) + sum(doubled)) % 10 == 0
