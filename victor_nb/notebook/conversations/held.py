"""What to do about a conversation that another kernel has open: one message with the two commands."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from itertools import count

from victor_nb.errors import SessionInUseError


def choice(error: SessionInUseError, session_id: str, known: Iterable[str]) -> SessionInUseError:
    """The same error, for somebody who writes magics; `known` are names that are taken."""
    name = shlex.quote(session_id)
    copy = shlex.quote(free_name(session_id, known))
    return SessionInUseError(
        f"session {session_id!r} is open in {error.holder}.",
        hint=f"go on with a copy: %victor session {name} --fork {copy}, or only look: %victor session {name} "
        "--read-only",
        holder=error.holder,
    )


def free_name(session_id: str, known: Iterable[str]) -> str:
    """`thesis-2`, or the next that is free."""
    taken = {session_id, *known}
    return next(name for number in count(2) if (name := f"{session_id}-{number}") not in taken)
