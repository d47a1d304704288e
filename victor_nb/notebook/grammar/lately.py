"""A list that is fetched on a thread of its own, for whoever may not wait: completion is asked at every key.

Nothing here knows what is fetched.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

log = logging.getLogger(__name__)
WAIT_S: Final = 0.02


class Lately:
    """What `fetch` gave the last time; `otherwise` until then, and when it fails."""

    def __init__(
        self, fetch: Callable[[], Sequence[str]], otherwise: Sequence[str] = (), *, fresh_s: float = 1.0
    ) -> None:
        self._fetch = fetch
        self._found = otherwise
        self._fresh_s = fresh_s
        self._fetched_at: float | None = None
        self._guard = threading.Lock()
        self._running: threading.Thread | None = None

    def get(self, wait_s: float = WAIT_S) -> Sequence[str]:
        """The list, fetched again when it is older than `fresh_s`; waits for that for a moment only."""
        with self._guard:
            if self._is_old() and self._running is None:
                self._running = threading.Thread(target=self._run, name="victor-completion", daemon=True)
                self._running.start()
            running = self._running
        if running:
            running.join(wait_s)
        return self._found

    def _is_old(self) -> bool:
        return self._fetched_at is None or time.monotonic() - self._fetched_at >= self._fresh_s

    def _run(self) -> None:
        try:
            self._found = self._fetch()
        except Exception:
            log.debug("nothing to complete with", exc_info=True)
        finally:
            with self._guard:
                self._fetched_at = time.monotonic()
                self._running = None
