"""What may not stand in a cassette, and what stands in its place. The same is done to what is recorded and to what is
asked for later, before anything is compared, so that a request with a secret in it is found again.

Secrets are those that the store leaves out too, and more: a cassette is published with its notebook. This machine's
home folder becomes `[home folder]`, and the home of the machine where the answer is given.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any, Final, cast

from victor_nb.messages import JsonValue
from victor_nb.models.taping import Redact
from victor_nb.store.encode import mended_text
from victor_nb.store.redaction import REDACTED
from victor_nb.store.scrub import Scrubber, scrubbed

HOME: Final = "[home folder]"
_MARK: Final = re.compile(rf"(\[secret scrubbed: [^\]\n]{{1,80}}\]|{re.escape(REDACTED)}|{re.escape(HOME)})")
_ADDRESS: Final = re.compile(r"\b0x[0-9a-fA-F]{6,16}\b")
_ROUNDS: Final = 4
_NAMES: Final = (
    r"(?:x-)?api[-_ ]?key|(?:access|auth|refresh|session|id)[-_]?token|client[-_]?secret|secret[-_]?access[-_]?key"
    r"|pass(?:word|wd|phrase)|secret"
)
_NAMED: Final = re.compile(
    rf"(?i)(?P<name>\b[\w-]{{0,40}}(?:{_NAMES})\\?[\"']?\s{{0,3}}[:=]\s{{0,3}}(?:[a-z]{{1,10}}\s)?\\?[\"']?)"
    r"(?=[^\s\"'\\]{0,200}\d)[\w.~+/=$!%^*-]{8,}(?![(\[\w])"
)
_QUERY: Final = re.compile(r"(?i)(?P<name>[?&](?:key|token|sig|signature|code|auth|[\w-]{0,20}_token)=)[\w.~+/=%-]{8,}")
_COOKIE: Final = re.compile(r"(?i)(?P<name>\b(?:set-)?cookie\\?[\"']?:\s{0,3}\\?[\"']?)[^\s=;\"'\\]{1,80}=[^\s\"'\\]+")
_USER: Final = re.compile(r"(?P<name>\w://)[^\s/@\"'\\]{1,256}(?=@[\w\[])")
_MORE: Final = (
    (("key", "token", "secret", "pass", "api"), _NAMED, "secret"),
    (("?", "&"), _QUERY, "secret"),
    (("cookie",), _COOKIE, "cookie"),
)
_TELLS: Final = ("0x", *(tell for tells, _, _ in _MORE for tell in tells))


class Redaction:
    """`redact` is what the user's own settings take out besides. `environment` has the keys and the home folder."""

    def __init__(self, redact: Redact | None = None, environment: Mapping[str, str] | None = None) -> None:
        self._scrubber = Scrubber(environment)
        self._redact = redact
        self._homes = _homes(os.environ if environment is None else environment)

    @property
    def secrets(self) -> object:
        """Another object when the environment's secrets have changed, so that texts have to be looked at again."""
        return self._scrubber.surroundings

    def text(self, text: str) -> str:
        """Text as it may be stored and compared; what is clean already stays as it is."""
        for _ in range(_ROUNDS):
            clean = self._once(text)
            if clean == text:
                break
            text = clean
        return text

    def json(self, value: JsonValue) -> JsonValue:
        """The same for all texts of a value, in names of fields too, and for a secret that its field's name tells."""
        return self._inside(value)

    def _inside(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list | tuple):
            return [self._inside(one) for one in cast("list[Any]", value)]
        if isinstance(value, dict):
            return {self.text(name): self._field(name, one) for name, one in cast("dict[str, Any]", value).items()}
        return value

    def _field(self, name: str, value: Any) -> Any:
        if isinstance(value, str) and (found := _NAMED.fullmatch(told := f"{name}={value}")):
            return told[len(name) + 1 : found.end("name")] + scrubbed("secret")
        return self._inside(value)

    def _once(self, text: str) -> str:
        if "[" not in text:
            return self._part(text)
        parts = _MARK.split(text)
        return "".join(
            part if number % 2 else self._part(part, behind_mark=number > 0) for number, part in enumerate(parts)
        )

    def _part(self, text: str, *, behind_mark: bool = False) -> str:
        """No home folder begins behind a mark: there is the rest of a longer path."""
        if not text:
            return text
        if "://" in text:
            text = _USER.sub(lambda found: found["name"] + scrubbed("user"), text)
        text = _without(self._scrubber.message(text))
        if self._homes:
            text = self._homes.sub(HOME, f"_{text}")[1:] if behind_mark else self._homes.sub(HOME, text)
        return self._redact(text) if self._redact else text


def _without(text: str) -> str:
    low = text.lower()
    for tell in _TELLS:  # most texts hold none of them
        if tell in low:
            break
    else:
        return mended_text(text)
    text = without_addresses(text)
    for tells, pattern, kind in _MORE:
        if any(tell in low for tell in tells):
            text = pattern.sub(lambda found, kind=kind: found["name"] + scrubbed(kind), text)
    return mended_text(text)


def without_addresses(text: str) -> str:
    """`text` without what differs in every process: addresses in memory."""
    return _ADDRESS.sub("0x…", text)


def _homes(environment: Mapping[str, str]) -> re.Pattern[str] | None:
    """Only a folder that is somebody's own: a service's home may be `/` or `/app`."""
    given = {environment.get(name, "").rstrip("/\\") for name in ("HOME", "USERPROFILE")}
    own = [home for home in given if home == "/root" or len(PurePath(home.replace("\\", "/")).parts) > 2]
    spellings = {spelling for home in own for spelling in (home, home.replace("\\", "\\\\"), home.replace("\\", "/"))}
    either = "|".join(re.escape(home) for home in sorted(spellings, key=len, reverse=True))
    return re.compile(rf"(?<![\w.~-])(?:{either})(?![\w-]|\.\w)") if own else None


_ANY_HOME: Final = re.compile(
    r"(?<![\w.~-])(?:/home/[\w.@-]+|/Users/[\w.@-]+|[A-Za-z]:\\+Users\\+[\w.@-]+|/root)(?![\w-])"
)


def homeless(text: str) -> str:
    """`text` with anybody's home folder as `[home folder]`: what was asked on another machine may name its own."""
    return _ANY_HOME.sub(HOME, text)


def at_home(text: str, *, in_json: bool = False) -> str:
    """`text` with this machine's home folder where a home folder was recorded."""
    if HOME not in text:
        return text
    home = os.path.expanduser("~")  # noqa: PTH111 (a text, no path)
    return text.replace(HOME, json.dumps(home)[1:-1] if in_json else home)
