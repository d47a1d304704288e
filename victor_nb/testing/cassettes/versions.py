"""Versions of the file. One of an earlier version is brought up step by step, each from one version to the next, so
that a step once written is never changed again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from victor_nb.testing.cassettes.version_1 import from_1
from victor_nb.testing.cassettes.wrong_form import UnreadableForm

VERSION: Final = 2
_Data = dict[str, Any]


def version_of(data: Any) -> int:
    """
    Raises:
        UnreadableForm: it is no cassette, or of a version that is not known.
    """
    if not isinstance(data, dict) or "victor_cassette" not in data:
        raise UnreadableForm('it is no cassette: "victor_cassette" is missing')
    version: Any = cast("_Data", data)["victor_cassette"]
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise UnreadableForm(f"its version {version!r} is none")
    if version > VERSION:
        raise UnreadableForm(f"it is of version {version}, and this victor_nb reads up to {VERSION}: upgrade it")
    return version


def brought_up(data: _Data, steps: Mapping[int, Callable[[_Data], _Data]] | None = None) -> _Data:
    """`data` of any version in the form of this one."""
    for version in range(version_of(data), VERSION):
        data = (_STEPS if steps is None else steps)[version](data)
    return data


_STEPS: Final[Mapping[int, Callable[[_Data], _Data]]] = {1: from_1}
