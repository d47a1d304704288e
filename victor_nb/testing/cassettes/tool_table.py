"""The tools of a cassette, each written once: requests name them."""

from __future__ import annotations

from typing import Any, cast

from victor_nb.testing.cassettes.talk import JsonMap, canonical


class ToolTable:
    """Labels of tools: the name, and with a number the further ones that have the same name."""

    def __init__(self) -> None:
        self.entries: dict[str, JsonMap] = {}

    def label_of(self, tool: JsonMap) -> str:
        """The label of `tool`, which is entered if it is new."""
        name = str(tool["name"])
        label, number = name, 1
        while label in self.entries and canonical(self.named(label)) != canonical(tool):
            number += 1
            label = f"{name} ({number})"
        rest: JsonMap = {key: value for key, value in tool.items() if key != "name" or label != name}
        self.entries.setdefault(label, rest)
        return label

    def named(self, label: object) -> JsonMap:
        """
        Raises:
            KeyError: there is none of that label.
        """
        if not isinstance(label, str) or label not in self.entries:
            raise KeyError(f"there is no tool {label!r}")
        entry = self.entries[label]
        return {"name": entry.get("name", label), **{k: v for k, v in entry.items() if k != "name"}}

    @classmethod
    def from_json(cls, data: Any) -> ToolTable:
        """
        Raises:
            TypeError: it is not of the form of `entries`.
        """
        table = cls()
        for label, found in dict(data).items():
            entry = cast("JsonMap", found)
            if not isinstance(entry["parameters"], dict):
                raise TypeError(f"the parameters of the tool {label!r} are no schema")
            if not all(isinstance(entry.get(field, ""), str) for field in ("name", "description")):
                raise TypeError(f"a text of the tool {label!r} is none")
            table.entries[str(label)] = {"description": "", **entry}
        return table
