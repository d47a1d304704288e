"""Where a panel's turn meets the kernel: its tools run on the main thread when that is free, what they print comes
here, and the kernel's interrupt stops the turn.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, Final

from victor_nb.agent.tools.approval import Asker, asking
from victor_nb.errors import UsageError
from victor_nb.host import lent
from victor_nb.notebook.kernel.bridge import listen
from victor_nb.notebook.kernel.capturing import capturing, watch
from victor_nb.notebook.kernel.handed import HandedCall
from victor_nb.notebook.kernel.kernel_host import KernelHost

MOST_PRINTED: Final = 20_000
WAITS_S: Final = 0.5


class PanelDesk:
    """Takes the calls of one turn. `printed` is what its tools have printed so far, up to 20,000 characters."""

    takes_input = False

    def __init__(self) -> None:
        self.printed = ""
        self._cut = 0
        self._waiting: dict[int, float] = {}

    @contextmanager
    def open(self, asker: Asker, stop: Callable[[], None]) -> Generator[None]:
        """For the running task: `asker` is asked about its tools, and `stop` called by the kernel's interrupt.

        Raises:
            UsageError: the extension was unloaded meanwhile.
        """
        host = lent()
        if not isinstance(host, KernelHost):
            raise UsageError("there is no notebook to answer in.", hint="%load_ext victor_nb")
        self._host = host
        listen(self)
        token = asking.set(asker)
        with ExitStack() as stack:
            stack.callback(asking.reset, token)
            stack.enter_context(capturing(host.shell, self._take))
            if interrupt := host.main_thread.idle_interrupt:
                stack.enter_context(interrupt.calls(stop))
            yield

    def hand(self, call: HandedCall) -> bool:
        watch(self._host.shell)
        self._waiting[id(call)] = time.monotonic()
        call.result.add_done_callback(lambda _: self._waiting.pop(id(call), None))  # its time was up, or it was stopped
        call.function = partial(self._begin, id(call), call.function)
        return self._host.main_thread.hand(call)

    @property
    def waits(self) -> bool:
        """Whether the main thread has kept a call waiting for longer than one would not notice."""
        return any(time.monotonic() - since > WAITS_S for since in list(self._waiting.values()))

    def _begin(self, call: int, function: Callable[[], Any]) -> Any:
        self._waiting.pop(call, None)
        before = _open_figures()
        try:
            return function()
        finally:
            _close_figures(_open_figures() - before)

    def _take(self, text: str) -> None:
        """Whichever thread printed it."""
        room = MOST_PRINTED - len(self.printed)
        self.printed += text[:room]
        self._cut += len(text[room:])

    @property
    def left_out(self) -> int:
        """How many characters were printed beyond that."""
        return self._cut


def _open_figures() -> set[int]:
    pyplot: Any = sys.modules.get("matplotlib.pyplot")
    return set(pyplot.get_fignums()) if pyplot else set()


def _close_figures(numbers: set[int]) -> None:
    """pyplot would show them below whichever cell is over next. Their figures stay as they are for who holds them."""
    for number in numbers:
        sys.modules["matplotlib.pyplot"].close(number)
