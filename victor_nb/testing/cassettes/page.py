"""The text of a cassette's file: JSON for people, for `git diff` and for `git merge`. While a notebook is recorded it
is written after each answer, so a page keeps what it has written and adds what is new.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from victor_nb.testing.cassettes.form import Player, Take
from victor_nb.testing.cassettes.lines import lined
from victor_nb.testing.cassettes.sent import NO_TOOLS
from victor_nb.testing.cassettes.talk import JsonMap
from victor_nb.testing.cassettes.tool_table import ToolTable
from victor_nb.testing.cassettes.vectors import Embeddings, to_json
from victor_nb.testing.cassettes.versions import VERSION


class Page:
    """Of one file."""

    def __init__(self) -> None:
        self._takes: list[Take] = []
        self._texts: list[str] = []
        self._table = ToolTable()
        self._ends: dict[bytes, int] = {}

    def text(self, takes: Sequence[Take], players: Mapping[str, Player], embeddings: Embeddings | None = None) -> str:
        """The whole file. Cheap when `takes` are those of before, and some more."""
        if list(takes[: len(self._takes)]) != self._takes:
            self._takes, self._texts, self._table, self._ends = [], [], ToolTable(), {}
        for take in takes[len(self._takes) :]:
            self._add(take)
        models: JsonMap = {named: player.to_json() for named, player in sorted(players.items())}
        head: JsonMap = {"victor_cassette": VERSION, "models": models}
        if self._table.entries:
            head["tools"] = dict(self._table.entries)
        if embeddings:
            head["embeddings"] = to_json(embeddings)
        requests = "[\n  " + ",\n  ".join(self._texts) + "\n ]" if self._texts else "[]"
        return _json(head).removesuffix("\n}") + f',\n "requests": {requests}\n}}\n'

    def _add(self, take: Take) -> None:
        request = _request(take, self._base(take), len(self._takes), self._takes, self._table)
        self._texts.append(_json(request).replace("\n", "\n  "))
        self._ends[take.end.digest] = len(self._takes)
        self._takes.append(take)

    def _base(self, take: Take) -> int | None:
        """Which request this one goes on from: its messages and its answer are how this one begins."""
        parts = take.sent.talk.back() if take.sent.talk else ()
        return next((self._ends[part.digest] for part in parts if part.digest in self._ends), None)


def to_text(takes: Sequence[Take], players: Mapping[str, Player], embeddings: Embeddings | None = None) -> str:
    """The text of the file."""
    return Page().text(takes, players, embeddings)


def _json(value: Any) -> str:
    return json.dumps(lined(value), indent=1, ensure_ascii=False)


def _request(take: Take, place: int | None, number: int, takes: Sequence[Take], table: ToolTable) -> JsonMap:
    sent, base = take.sent, None if place is None else takes[place]
    found: JsonMap = {"model": sent.model}
    if sent.purpose != "chat":
        found["purpose"] = sent.purpose
    if place is not None:
        found["after"] = place - number
    found["messages"] = list(sent.talk.since(base.end.size if base else 0)) if sent.talk else []
    if sent.tools.text != (base.sent.tools if base else NO_TOOLS).text:
        found["tools"] = [table.label_of(tool) for tool in sent.tools]
    if sent.output_tool:
        found["output_tool"] = table.label_of(sent.output_tool)
    if sent.settings:
        found["settings"] = dict(sent.settings)
    found["answer"] = take.answer.to_json()
    return found
