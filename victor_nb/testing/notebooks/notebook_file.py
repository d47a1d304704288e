"""What a notebook's file says of its cells, and of where its recordings are. Only the standard library is imported."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

FOLDER: Final = "cassettes"
SKIPPED: Final = "skip-execution"
MAY_FAIL: Final = "raises-exception"
_UNSAFE: Final = re.compile(r"[^\w.-]+")


@dataclass(frozen=True)
class CodeCell:
    """`id` is None in notebooks that are older than ids."""

    source: str
    id: str | None = None
    tags: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Notebook:
    """`cells` are those that are executed: code, not empty, and not tagged to be skipped. `settings` is what its
    metadata says under `victor_nb`; `made_from` the notebook that papermill made this one from, as it was named."""

    path: Path
    cells: tuple[CodeCell, ...]
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    made_from: str | None = None

    @property
    def cassette(self) -> Path:
        """Where its recordings are, whether there are any or not."""
        named = self.settings.get("cassette")
        if isinstance(named, str) and named:
            return self.path.parent / named
        return self.path.parent / FOLDER / file_name(self.path.stem)

    @property
    def exports(self) -> bool:
        """Whether its exporters deliver in a replay, too."""
        return self.settings.get("exporters") is True


def file_name(name: str) -> str:
    """Of the cassette of what is called `name`."""
    return f"{_UNSAFE.sub('-', name)}.json"


def read(path: Path, *, mentioning: str = "") -> Notebook | None:
    """None if it is no notebook that can be read, or if it does not mention that word: then it is not parsed."""
    try:
        text = path.read_text(encoding="utf-8")
        data: Any = json.loads(text) if mentioning in text else None
    except (OSError, ValueError):
        return None
    if not isinstance(data, dict):
        return None
    found = cast("dict[str, Any]", data)
    metadata = _mapping(found.get("metadata"))
    made_from = _mapping(metadata.get("papermill")).get("input_path")
    return Notebook(
        path,
        tuple(_cells(found.get("cells"))),
        _mapping(metadata.get("victor_nb")),
        made_from if isinstance(made_from, str) else None,
    )


def _cells(cells: object) -> Iterator[CodeCell]:
    for cell in cast("list[Any]", cells) if isinstance(cells, list) else []:
        found = _mapping(cell)
        source = found.get("source", "")
        text = source if isinstance(source, str) else "".join(map(str, source))
        tags = _tags(_mapping(found.get("metadata")).get("tags"))
        if found.get("cell_type") == "code" and text.strip() and SKIPPED not in tags:
            id = found.get("id")
            yield CodeCell(text, id if isinstance(id, str) else None, tags)


def _tags(tags: object) -> frozenset[str]:
    return frozenset(map(str, cast("list[Any]", tags))) if isinstance(tags, list) else frozenset()


def _mapping(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
