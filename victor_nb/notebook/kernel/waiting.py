"""Waiting in a cell for something that runs on the loop thread, so that an interrupt stops it."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

from victor_nb.errors import AnswerInterrupted, UsageError
from victor_nb.host import lent
from victor_nb.notebook.kernel.bridge import Bridge
from victor_nb.notebook.kernel.kernel_host import KernelHost

T = TypeVar("T")


def wait(coroutine: Coroutine[Any, Any, T]) -> T:
    """What it returns. Tools and questions that it brings run on this thread meanwhile.

    Raises:
        AnswerInterrupted: the user interrupted.
        UsageError: it is called on the loop thread, as by an `async` tool.
    """
    host = lent()
    bridge = host.bridge if isinstance(host, KernelHost) else Bridge()
    try:
        return bridge.run(lambda _: coroutine, show=lambda _: None, idle=lambda: None)
    except KeyboardInterrupt:
        raise AnswerInterrupted("interrupted; nothing has changed") from None
    except UsageError:
        coroutine.close()  # it may never have begun
        raise
