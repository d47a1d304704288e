"""An exception of the user's, as a question: what was raised, where in the user's own code, and what the names on these
lines are. Of values only short ones are told; secrets are taken out of everything.

Frames of libraries are left out but for the last: the mistake is hardly ever theirs, and they are long.
"""

from __future__ import annotations

import linecache
import re
import sysconfig
import traceback
from collections import ChainMap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from victor_nb.prompt.values import described, shown_number
from victor_nb.store.scrub import Scrubber

_SHOWN_FRAMES: Final = 6
_SHOWN_SOURCE: Final = 6_000
_SHOWN_MESSAGE: Final = 2_000
_SHOWN_NAMES: Final = 30
_SHORT: Final = 40
_NAME: Final = re.compile(r"[A-Za-z_]\w*")
_SECRET: Final = re.compile(r"(?i)passw|secret|token|key|credential|auth")
_LIBRARIES: Final = tuple(sysconfig.get_paths()[name] for name in ("stdlib", "platstdlib", "purelib", "platlib"))


@dataclass(frozen=True)
class _Frame:
    """One call on the way to the exception."""

    file: str
    line: int
    function: str
    names: Mapping[str, Any]

    @property
    def is_own(self) -> bool:
        """Of a cell, or of a file that is no library."""
        return _is_cell(self.file) or not (self.file.startswith(("<", *_LIBRARIES)) or "site-packages" in self.file)

    @property
    def place(self) -> str:
        return f"{_title(self.file)}, line {self.line}, in {self.function}: {self.source.strip()}"

    @property
    def source(self) -> str:
        return linecache.getline(self.file, self.line)


def question_about(error: BaseException, words: str = "") -> str:
    """What a model is asked; `words` are the user's own."""
    frames = list(_frames(error.__traceback__))
    own = [frame for frame in frames if frame.is_own][-_SHOWN_FRAMES:]
    parts = [
        "My notebook raised this exception. Say in a few sentences why, and show the smallest change that mends it.",
        words,
        _block("Exception", "\n".join(_messages(error))),
        _block("On the way there", "\n".join(_way(frames, own))),
        *(_block(_title(file), _source(file)) for file in _files(error, own)),
        _block("Names on these lines", "\n".join(_names(own))),
    ]
    return Scrubber().message("\n\n".join(part for part in parts if part))


def _block(title: str, text: str) -> str:
    fence = "`" * max(3, 1 + max(map(len, re.findall(r"`+", text)), default=0))
    return f"{title}:\n{fence}\n{text}\n{fence}" if text.strip() else ""


def _frames(trace: TracebackType | None) -> Iterator[_Frame]:
    for frame, line in traceback.walk_tb(trace):
        if "/IPython/" not in frame.f_code.co_filename.replace("\\", "/"):
            names = ChainMap(frame.f_locals, frame.f_globals)
            yield _Frame(frame.f_code.co_filename, line, frame.f_code.co_name, names)


def _messages(error: BaseException) -> Iterator[str]:
    """The exception and those that led to it, the first one first."""
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None:
        yield from _messages(before)
        yield "which led to"
    text = "".join(traceback.format_exception_only(type(error), error)).strip()
    yield text if len(text) <= _SHOWN_MESSAGE else f"{text[:_SHOWN_MESSAGE]}…"


def _way(frames: list[_Frame], own: list[_Frame]) -> Iterator[str]:
    yield from (frame.place for frame in own)
    if frames and not frames[-1].is_own:
        yield f"… and inside of a library: {Path(frames[-1].file).name}, in {frames[-1].function}"


def _files(error: BaseException, own: list[_Frame]) -> list[str]:
    """The cells that took part, the one where it was raised last; of what could not be read at all, the cell itself."""
    if isinstance(error, SyntaxError) and error.filename:
        return [error.filename] if _is_cell(error.filename) else []
    return list(dict.fromkeys(frame.file for frame in own if _is_cell(frame.file)))[-3:]


def _source(file: str) -> str:
    text = "".join(linecache.getlines(file)).rstrip()
    return text if len(text) <= _SHOWN_SOURCE else f"{text[:_SHOWN_SOURCE]}\n… ({len(text) - _SHOWN_SOURCE:,} more)"


def _names(own: list[_Frame]) -> Iterator[str]:
    """Those on the failing lines, the innermost first, each once."""
    seen: dict[str, str] = {}
    for frame in reversed(own):
        for name in _NAME.findall(frame.source):
            if name in frame.names and name not in seen:
                seen[name] = f"{name}: {described(frame.names[name])}{_value(name, frame.names[name])}"
    yield from list(seen.values())[:_SHOWN_NAMES]


def _value(name: str, value: object) -> str:
    if type(value) is str and len(value) <= _SHORT and not _SECRET.search(name):
        return f" = {value!r}"
    return shown_number(value)


def _is_cell(file: str) -> bool:
    return "ipykernel_" in file or file.startswith("<ipython-input")


def _title(file: str) -> str:
    return "The cell" if _is_cell(file) else Path(file).name
