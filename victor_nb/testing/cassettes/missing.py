"""What to say when a request was not recorded: which recording is nearest, and the first thing that differs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final, cast

from victor_nb.errors import VictorError
from victor_nb.testing.cassettes.form import Take
from victor_nb.testing.cassettes.sent import Sent, first_line
from victor_nb.testing.cassettes.talk import canonical

_SHOWN: Final = 100
_RECORD: Final = "record it: VICTOR_CASSETTE_MODE=record, with the model's key"


class CassetteError(VictorError):
    """A cassette cannot be read, written or used as asked."""


class MissingRecordingError(CassetteError):
    """A request was made that the cassette does not hold. `message` tells what differs from the nearest recording."""

    def _render_traceback_(self) -> list[str]:
        first, *more = self.message.split("\n")
        return [f"{type(self).__name__}: {first}", *more, f"  → {self.hint}"]


def missing(request: Sent, takes: Sequence[Take], place: Path) -> MissingRecordingError:
    """The error for a request that is not among `takes`, those of the file `place`."""
    lines = [f'"{first_line(request.messages)}" is not recorded in {place.name}.']
    if takes:
        number, nearest = max(enumerate(takes, 1), key=lambda found: nearness(request, found[1].sent))
        lines.append(f'  nearest: recording {number} of {len(takes)}, "{first_line(nearest.sent.messages)}"')
        what, recorded, now = next(differences(nearest.sent, request), ("nothing that is shown", "", ""))
        lines += [f"  differs in: {what}", f"    recorded: {shortened(recorded)}", f"    now:      {shortened(now)}"]
    else:
        lines.append("  Nothing is recorded there." if place.exists() else f"  There is no file {place}.")
    return MissingRecordingError("\n".join(lines), hint=_RECORD)


def missing_vectors(embedder: str, texts: Sequence[str], place: Path) -> MissingRecordingError:
    """The error for texts that `embedder` was to be asked for."""
    more = f" (and {len(texts) - 1} more)" if len(texts) > 1 else ""
    line = shortened(texts[0].strip().partition("\n")[0])
    return MissingRecordingError(
        f'the vector of "{line}"{more} by {embedder} is not recorded in {place.name}.', hint=_RECORD
    )


def nearness(request: Sent, recorded: Sent) -> tuple[int, int, int]:
    """The greater, the more they have in common."""
    equal = sum(a == b for a, b in zip(request.messages, recorded.messages, strict=False))
    parts = sum(getattr(request, name) == getattr(recorded, name) for name in ("model", "purpose", "tools", "settings"))
    return equal, parts, -abs(len(request.messages) - len(recorded.messages))


def differences(recorded: Sent, now: Sent) -> Iterator[tuple[str, str, str]]:
    """What differs, and what it was and is, the most telling first."""
    if recorded.model != now.model:
        yield "the model", str(recorded.model), str(now.model)
    for number, (old, new) in enumerate(zip_longest(recorded.messages, now.messages), 1):
        if old != new:
            yield _message(number, old, new)
    yield from _in_object("setting", dict(recorded.settings), dict(now.settings))
    yield from _in_tools(_by_name(recorded.tools), _by_name(now.tools))
    if [one["name"] for one in recorded.tools] != [one["name"] for one in now.tools]:
        yield "the order of the tools", _names(recorded.tools), _names(now.tools)
    if recorded.output_tool != now.output_tool:
        yield "the type of the answer", canonical(recorded.output_tool), canonical(now.output_tool)


def _message(number: int, old: dict[str, Any] | None, new: dict[str, Any] | None) -> tuple[str, str, str]:
    if old is None or new is None:
        there = old or new or {}
        name = f"message {number} ({there['role']}), which is {'new' if old is None else 'missing'}"
        return name, str((old or {}).get("text", "–")), str((new or {}).get("text", "–"))
    if old["role"] != new["role"]:
        return f"the role of message {number}", old["role"], new["role"]
    pairs = zip_longest(str(old["text"]).split("\n"), str(new["text"]).split("\n"))
    for line, (before, after) in enumerate(pairs, 1):
        if before != after:
            name = "the system prompt" if old["role"] == "system" else f"message {number} ({old['role']})"
            return f"line {line} of {name}", _or_dash(before), _or_dash(after)
    return f"the calls of message {number}", canonical(old), canonical(new)


def _in_tools(old: dict[str, Any], new: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    for name in [*old, *(name for name in new if name not in old)]:
        if name not in old or name not in new:
            yield f"the tools: {name}", "there" if name in old else "–", "there" if name in new else "–"
        else:
            yield from _in_object(f"tool {name}:", old[name], new[name])


def _in_object(what: str, old: dict[str, Any], new: dict[str, Any], path: str = "") -> Iterator[tuple[str, str, str]]:
    """Down to the field that differs."""
    for name in [*old, *(name for name in new if name not in old)]:
        before, after, at = old.get(name), new.get(name), f"{path}{name}"
        if before == after:
            continue
        if isinstance(before, dict) and isinstance(after, dict):
            yield from _in_object(what, cast("dict[str, Any]", before), cast("dict[str, Any]", after), f"{at}.")
        else:
            yield f"{what} {at}", _or_dash(cast("object", before)), _or_dash(cast("object", after))


def _by_name(tools: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {str(tool["name"]): tool for tool in tools}


def _names(tools: Sequence[dict[str, Any]]) -> str:
    return ", ".join(_by_name(tools))


def _or_dash(value: object) -> str:
    return "–" if value is None else value if isinstance(value, str) else canonical(value)


def shortened(text: str) -> str:
    """On one line, and not too long for it."""
    flat = text.replace("\n", "⏎")
    return flat if len(flat) <= _SHOWN else f"{flat[:_SHOWN]}…"
