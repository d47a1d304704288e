"""What may be the name of a session."""

from __future__ import annotations

from typing import Final

from victor_nb.errors import UsageError

LONGEST: Final = 200


def checked_session(session_id: object) -> str:
    """
    Raises:
        UsageError: it is no text of 1 to 200 printable characters.
    """
    if not isinstance(session_id, str):
        raise UsageError(f"a session_id is text, not {type(session_id).__name__}.", hint=f'as in "{session_id}"')
    if not session_id.strip() or len(session_id) > LONGEST or not session_id.isprintable():
        raise UsageError(
            f"{session_id[:LONGEST]!r} cannot be a session_id.",
            hint=f'use 1 to {LONGEST} printable characters, as in "thesis"; leave it out for the orchestrator\'s own',
        )
    return session_id
