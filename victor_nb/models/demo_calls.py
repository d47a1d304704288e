"""How the demo model reads a request to call a tool: `add(2, 3)`, `use add with a=2 b=3`, `add {"a": 2, "b": 3}`.

Nothing is evaluated but literals. Imports the message types only.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Sequence
from typing import cast

from victor_nb.messages import JsonValue, ToolCall, ToolSpec

_PAIR = re.compile(r"""(\w+)\s*[=:]\s*("[^"]*"|'[^']*'|\[[^\]]*\]|\{[^}]*\}|[^\s,;]+)""")
_VERB = r"\b(?:use|call|run|invoke|execute|try)\s+(?:the\s+)?(?:tool\s+)?[`'\"]?"
_BLANKS: dict[str, JsonValue] = {"string": "", "integer": 0, "number": 0, "boolean": False, "null": None}


def requested_call(text: str, tools: Sequence[ToolSpec], *, id: str) -> ToolCall | None:
    """The call that `text` asks for, or None. The tool that is named first wins."""
    found = [(match.start(), tool) for tool in tools if (match := _mention(text, tool))]
    if not found:
        return None
    start, tool = min(found, key=lambda pair: pair[0])
    rest = text[text.index(tool.name, start) + len(tool.name) :].lstrip("`'\" ")
    return ToolCall(id, tool.name, json.dumps(_arguments(rest, tool), ensure_ascii=False))


def _mention(text: str, tool: ToolSpec) -> re.Match[str] | None:
    """The tool's name right before an opening bracket, or after a verb such as `use`."""
    name = rf"(?<!\w){re.escape(tool.name)}(?!\w)"
    return re.search(rf"{name}[`'\"]?\s*[({{]", text) or re.search(_VERB + name, text, re.IGNORECASE)


def _arguments(rest: str, tool: ToolSpec) -> dict[str, JsonValue]:
    names = _parameters(tool)
    if rest.startswith("("):
        return _from_call(rest, names)
    start = rest.find("{")
    if start >= 0 and (given := _json_object(rest[start:])) is not None:
        return given
    pairs = {name: _literal(value) for name, value in _PAIR.findall(rest) if name in names}
    return pairs or dict(zip(names, _loose_values(rest), strict=False))


def _parameters(tool: ToolSpec) -> list[str]:
    properties = tool.parameters.get("properties")
    return list(properties) if isinstance(properties, dict) else []


def _from_call(rest: str, names: list[str]) -> dict[str, JsonValue]:
    """Positional arguments take the schema's names in their order; what is no literal is passed as its text."""
    for end in (index + 1 for index, letter in enumerate(rest) if letter == ")"):
        try:
            call = ast.parse(f"f{rest[:end]}", mode="eval").body
        except (SyntaxError, ValueError):
            continue
        if isinstance(call, ast.Call):
            given = dict(zip(names, map(_value, call.args), strict=False))
            return given | {word.arg: _value(word.value) for word in call.keywords if word.arg}
    return {}


def _value(node: ast.expr) -> JsonValue:
    try:
        return _plain(ast.literal_eval(node))
    except (ValueError, TypeError):
        return ast.unparse(node)


def _json_object(text: str) -> dict[str, JsonValue] | None:
    try:
        value, _ = json.JSONDecoder().raw_decode(text)
    except ValueError:
        return None
    return cast("dict[str, JsonValue]", value) if isinstance(value, dict) else None


def _loose_values(rest: str) -> list[JsonValue]:
    """Numbers and quoted texts, as in `use add with 2 and 3`."""
    return [_literal(value) for value in re.findall(r"""-?\d+(?:\.\d+)?|"[^"]*"|'[^']*'""", rest)]


def _literal(text: str) -> JsonValue:
    bare = text.rstrip(".!?") if text.endswith((".", "!", "?")) else text
    try:
        return _plain(ast.literal_eval(bare))
    except (ValueError, SyntaxError):
        return {"true": True, "false": False, "null": None}.get(bare.lower(), bare)


def _plain(value: object) -> JsonValue:
    """`value` as JSON has it; what JSON lacks (sets, bytes, complex numbers) becomes its text."""
    return cast("JsonValue", json.loads(json.dumps(value, default=repr)))


def blank_value(schema: JsonValue, root: JsonValue, depth: int = 0) -> JsonValue:
    """The emptiest value that fits a JSON schema's types; `root` resolves its references."""
    if not isinstance(schema, dict) or depth > 8:
        return None
    if isinstance(target := schema.get("$ref"), str):
        return blank_value(_referenced(root, target), root, depth + 1)
    for key in ("default", "const"):
        if key in schema:
            return schema[key]
    for key in ("enum", "anyOf", "oneOf", "allOf"):
        if isinstance(options := schema.get(key), list) and options:
            return options[0] if key == "enum" else blank_value(options[0], root, depth + 1)
    return _blank_of_type(schema, root, depth)


def _blank_of_type(schema: dict[str, JsonValue], root: JsonValue, depth: int) -> JsonValue:
    kind = schema.get("type")
    if kind == "array":
        return []
    properties = schema.get("properties")
    if isinstance(properties, dict):
        required = schema.get("required")
        wanted = required if isinstance(required, list) else []
        return {name: blank_value(properties.get(name), root, depth + 1) for name in map(str, wanted)}
    if kind == "object":
        return {}
    least = schema.get("minimum")
    return least if least is not None else _BLANKS.get(str(kind))


def _referenced(root: JsonValue, path: str) -> JsonValue:
    found = root
    for step in path.removeprefix("#/").split("/"):
        found = found.get(step) if isinstance(found, dict) else None
    return found
