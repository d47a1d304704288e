"""A new kernel begins a conversation of its own. A panel that is asked for before anything was said goes on with the
notebook's last one instead, so that one line brings back what was on the screen before a restart.
"""

from __future__ import annotations

import re
from typing import Final

from victor_nb.errors import SessionError, StoreError
from victor_nb.session import Session
from victor_nb.store.registry import notebook_path
from victor_nb.store.sessions import ISessionStore

_UNNAMED: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")


def is_unnamed(session_id: str) -> bool:
    """Whether nobody gave this session a name."""
    return _UNNAMED.fullmatch(session_id) is not None


def resume(session: Session) -> str | None:
    """The session that is gone on with; None when there is none, when this notebook's path is not known, or when a
    session was chosen or has begun."""
    orchestrator = session.orchestrator  # made here, on the main thread, whatever comes of this
    if not notebook_path() or not is_unnamed(orchestrator.session_id):
        return None
    try:
        if orchestrator.context_coordinator.conversation().log:
            return None
        return _go_on(session)
    except (SessionError, StoreError):  # a panel of a new conversation is still of use
        return None


def _go_on(session: Session) -> str | None:
    store = session.store
    kept = store.saved_sessions() if isinstance(store, ISessionStore) else []
    last = next((one for one in kept if one.holder is None or one.holder.id == store.kernel_run_id), None)
    if last is None:
        return None
    session.orchestrator.sessions.open(last.session_id)
    session.orchestrator.use_session(last.session_id)
    return last.session_id
