"""What is saved of a notebook that has run. Two runs that say the same are saved alike: outputs that no run repeats are
kept as they were, and text that came in several pieces is one. Only the standard library is imported.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

IGNORED: Final = "victor-ignore-output"
_Json = dict[str, Any]


def settle(path: Path, before: str) -> None:
    """Make the file `path`, which a run has written, what it should be; `before` is the text that it had."""
    text = path.read_text(encoding="utf-8")
    notebook: _Json = json.loads(text)
    for old, new in _pairs(json.loads(before), notebook):
        if "outputs" in new:
            new["outputs"] = _kept(old, new) or _joined(new["outputs"])
    settled = json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    if settled != text:
        path.write_text(settled, encoding="utf-8", newline="\n")


def _pairs(before: _Json, after: _Json) -> list[tuple[_Json, _Json]]:
    """Cells that are the same one; executing a notebook neither adds nor moves any."""
    old, new = before.get("cells", []), after.get("cells", [])
    return list(zip(old, new, strict=True)) if len(old) == len(new) else [({}, cell) for cell in new]


def _kept(old: _Json, new: _Json) -> list[_Json]:
    """What was saved of a cell whose output is another one in every run; not in the place of an error."""
    failed = any(output["output_type"] == "error" for output in new["outputs"])
    return [] if failed or IGNORED not in new["metadata"].get("tags", ()) else old.get("outputs", [])


def _joined(outputs: Sequence[_Json]) -> list[_Json]:
    """Where a text is cut into messages depends on how fast it was printed."""
    found: list[_Json] = []
    for output in outputs:
        last = found[-1] if found else {}
        if output["output_type"] == "stream" and output["name"] == last.get("name"):
            found[-1] = last | {"text": f"{_text(last)}{_text(output)}".splitlines(keepends=True)}
        else:
            found.append(output)
    return found


def _text(output: _Json) -> str:
    return "".join(output["text"])
