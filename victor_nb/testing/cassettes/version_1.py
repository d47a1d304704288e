"""From version 1 to 2. Version 1 wrote tools into the first request that had them and counted requests from the
beginning of the file, so that what two branches had recorded could not be merged; it held the ids of calls, and left
out numbers of calls where an answer had several.
"""

from __future__ import annotations

from typing import Any

from victor_nb.testing.cassettes.tool_table import ToolTable
from victor_nb.testing.cassettes.wrong_form import UnreadableForm

_Data = dict[str, Any]


def from_1(data: _Data) -> _Data:
    """
    Raises:
        UnreadableForm: a request goes on from one that is not above it.
    """
    table, tools, requests = ToolTable(), list[_Data](), list[_Data]()
    counters: list[_Calls] = []
    for number, request in enumerate(data.get("requests", []), 1):
        tools = request.get("tools", tools)
        new = {**request, "tools": [table.label_of(tool) for tool in tools]}
        calls = _Calls()
        if (after := request.get("after")) is not None:
            if not isinstance(after, int) or not 1 <= after < number:
                raise UnreadableForm(f"request {number} comes after request {after}, which does not stand before it")
            new["after"] = after - number
            calls = counters[after - 1].copy()
        if request.get("output_tool"):
            new["output_tool"] = table.label_of(request["output_tool"])
        new["messages"] = [calls.counted(message) for message in request["messages"]]
        if "answer" in request:
            new["answer"] = _without_ids(calls.counted(request["answer"]))
        requests.append(new)
        counters.append(calls)
    return {**data, "victor_cassette": 2, "tools": table.entries, "requests": requests}


class _Calls:
    """How many calls were made in a conversation, and how many of these by the latest message."""

    def __init__(self, before: int = 0, latest: int = 0) -> None:
        self._before = before
        self._latest = latest

    def copy(self) -> _Calls:
        return _Calls(self._before, self._latest)

    def counted(self, message: _Data) -> _Data:
        """`message`, with the right number of the call that it answers: the first three of one message were 1, 3, 5."""
        if message.get("calls"):
            self._before, self._latest = self._before + self._latest, len(message["calls"])
        place = message["call"] - self._before if isinstance(message.get("call"), int) else 0
        if place % 2 == 0 or not 0 < place < 2 * self._latest:
            return message
        return {**message, "call": self._before + (place + 1) // 2}


def _without_ids(answer: _Data) -> _Data:
    if "calls" not in answer:
        return answer
    return {**answer, "calls": [{name: call[name] for name in call if name != "id"} for call in answer["calls"]]}
