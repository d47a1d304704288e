"""Keys in the keyring of the operating system, by the library `keyring` (`pip install "victor-nb[keyring]"`): service
`victor_nb`, user the name of the variable, such as ANTHROPIC_API_KEY.

A keyring may be locked, and ask the person in a window that nobody sees. So it is asked in a thread of its own and
waited for two seconds; after that, and when it fails, it is left alone for a minute. A machine that has none, as most
servers, is not worth a word.
"""

from __future__ import annotations

import importlib.util
import logging
import threading
import time
from typing import Final

log = logging.getLogger(__name__)
SERVICE: Final = "victor_nb"
TIMEOUT_S: Final = 2.0
_PAUSE_S: Final = 60.0


class KeyringKeys:
    """The keys of one keyring. A missing library, and a keyring that cannot be used, hold none."""

    def __init__(self, timeout_s: float = TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._quiet_until = 0.0

    @property
    def installed(self) -> bool:
        return importlib.util.find_spec("keyring") is not None

    def get(self, name: str) -> str | None:
        """The key called `name`, or None."""
        if not self.installed or time.monotonic() < self._quiet_until:
            return None
        found: list[str | Exception | None] = []
        asking = threading.Thread(target=lambda: found.append(_ask(name)), name="victor-keyring", daemon=True)
        asking.start()
        asking.join(self._timeout_s)
        key = found[0] if found else TimeoutError(f"no answer in {self._timeout_s} s")
        if isinstance(key, Exception):
            self._quiet_until = time.monotonic() + _PAUSE_S
            if type(key).__name__ != "NoKeyringError":
                log.warning("no key is taken from the keyring, which cannot be used: %s", _told(key))
            return None
        return key or None


def _ask(name: str) -> str | Exception | None:
    try:
        import keyring

        return keyring.get_password(SERVICE, name)
    except Exception as error:  # noqa: BLE001 (backends raise what they like: no session bus, no permission, a bug)
        return error


def _told(error: Exception) -> str:
    """Without a backend's own words, which may hold what it was asked for."""
    return str(error) if isinstance(error, TimeoutError) else type(error).__name__


KEYRING: Final = KeyringKeys()
