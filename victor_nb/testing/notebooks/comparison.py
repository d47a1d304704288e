"""What the cells of a notebook show now against what is saved of them. Numbers of executions, addresses in memory, ids
of widgets and cells whose output may change are left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any, Final

from victor_nb.testing.notebooks.saved import IGNORED

_ADDRESS: Final = re.compile(r"\b0x[0-9a-fA-F]{6,16}\b")
_WIDGETS: Final = "application/vnd.jupyter.widget-"
_SHOWN: Final = 200
_Cell = Mapping[str, Any]


def first_difference(saved: Sequence[_Cell], now: Sequence[_Cell]) -> str:
    """Of the first cell that shows something else, in a few lines; empty when none does."""
    for number, (old, new) in enumerate(zip(saved, now, strict=True), 1):
        if new["cell_type"] != "code" or IGNORED in new["metadata"].get("tags", ()):
            continue
        for before, after in zip_longest(_shown(old["outputs"]), _shown(new["outputs"]), fillvalue=""):
            if before != after:
                first = next(iter(str(new["source"]).strip().splitlines()), "")
                differing = _line(before, after)
                return f"cell {number} shows something else: {first}\n  saved: {differing[0]}\n  now:   {differing[1]}"
    return ""


def _shown(outputs: Sequence[_Cell]) -> list[str]:
    """The outputs as texts, in order; a stream that came in pieces is one."""
    found: list[tuple[str, str]] = []
    for output in outputs:
        kind, text = _form(output)
        if found and kind.startswith("std") and found[-1][0] == kind:
            found[-1] = (kind, found[-1][1] + text)
        else:
            found.append((kind, text))
    return [f"{kind}: {_ADDRESS.sub('0x…', text)}" for kind, text in found]


def _form(output: _Cell) -> tuple[str, str]:
    if output["output_type"] == "stream":
        return output["name"], "".join(output["text"])
    if output["output_type"] == "error":
        return "error", f"{output['ename']}: {output['evalue']}"
    data = {kind: value for kind, value in output["data"].items() if not kind.startswith(_WIDGETS)}
    if set(data) == {"text/plain"}:
        return output["output_type"], "".join(data["text/plain"])
    return output["output_type"], json.dumps(data, sort_keys=True, indent=1, ensure_ascii=False)


def _line(before: str, after: str) -> tuple[str, str]:
    """The first line that differs."""
    for old, new in zip_longest(before.split("\n"), after.split("\n")):
        if old != new:
            return _cut(old), _cut(new)
    return _cut(before), _cut(after)


def _cut(line: str | None) -> str:
    if not line:
        return "nothing"
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…"
