"""Deep merge of configuration dictionaries. What goes in is never changed and never shared with what comes out:
containers are copied, other values (a database handle, say) are passed on as they are.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar, cast

T = TypeVar("T")
Path: TypeAlias = tuple[str, ...]
_COPIED = (list, tuple, set, deque)


def copied(value: T) -> T:
    """`value` with its containers copied, at every depth; read-only mappings become dicts."""
    found: object = value
    if isinstance(found, Mapping):
        entries = cast("Mapping[object, object]", found)
        return cast("T", {key: copied(entry) for key, entry in entries.items()})
    kind = type(found)
    if kind in _COPIED:
        items = cast("Iterable[object]", found)
        return cast("T", kind(copied(item) for item in items))  # type: ignore[call-arg]
    if isinstance(found, list):  # a subclass may need other arguments
        return cast("T", [copied(item) for item in cast("list[object]", found)])
    return cast("T", bytearray(found)) if kind is bytearray else value  # type: ignore[arg-type]


def deep_merge(layers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Merge mappings, the later one winning. Dicts are merged key by key; any other value replaces the earlier one."""
    merged: dict[str, Any] = {}
    for layer in layers:
        _merge_into(merged, layer)
    return merged


def _merge_into(merged: dict[str, Any], layer: Mapping[str, Any]) -> None:
    for key, value in layer.items():
        earlier = merged.get(key)
        if isinstance(earlier, dict) and isinstance(value, dict):
            _merge_into(cast("dict[str, Any]", earlier), cast("dict[str, Any]", value))
        else:
            merged[key] = copied(value)


def leaves(config: Mapping[str, Any], above: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every value that is not a filled dict, under the keys that lead to it."""
    for key, value in config.items():
        if isinstance(value, dict) and value:
            yield from leaves(cast("dict[str, Any]", value), (*above, key))
        else:
            yield (*above, key), value


def dotted(path: Path) -> str:
    return ".".join(map(str, path))


def look_up(config: Mapping[str, Any], path: Path) -> object:
    """The value that these keys lead to. Raises KeyError when they lead nowhere."""
    found: object = config
    for key in path:
        if not isinstance(found, Mapping):
            raise KeyError(key)
        found = cast("Mapping[str, object]", found)[key]
    return found


def put(config: dict[str, Any], path: Sequence[str], value: object) -> str | None:
    """Set the value under these keys, making dicts on the way.

    Returns:
        None, or the key on the way that holds something else than a dict; then nothing is set.
    """
    inner = config
    for key in path[:-1]:
        found = inner.setdefault(key, {})
        if not isinstance(found, dict):
            return key
        inner = cast("dict[str, Any]", found)
    inner[path[-1]] = value
    return None
