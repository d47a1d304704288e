"""Keys in the keyring of the operating system, by the library `keyring` (`pip install "victor-nb[keyring]"`): service
`victor_nb`, user the name of the variable, such as ANTHROPIC_API_KEY.

A keyring may be locked, and ask the person in a window that nobody sees. So it is asked in a thread of its own and
waited for two seconds; after that it is left alone for a minute.
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
        found: list[str | None] = []
        asking = threading.Thread(target=lambda: found.append(_ask(name)), name="victor-keyring", daemon=True)
        asking.start()
        asking.join(self._timeout_s)
        if not found:
            self._quiet_until = time.monotonic() + _PAUSE_S
            log.warning("the keyring did not answer in %s s, so that no key is taken from it", self._timeout_s)
            return None
        return found[0] or None


def _ask(name: str) -> str | None:
    try:
        import keyring

        return keyring.get_password(SERVICE, name)
    except Exception as error:  # noqa: BLE001 (backends raise what they like: no session bus, no permission, a bug)
        log.warning("the keyring cannot be used: %s", type(error).__name__)
        return None


KEYRING: Final = KeyringKeys()
