"""Notices what is printed or displayed beside an answer, such as a warning that the disk is full. A cell that is
cleared loses it, so whoever would clear the cell has to know.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, TextIO

from victor_nb.notebook.kernel.capturing import itself


@contextmanager
def noticing(printed: Callable[[], None]) -> Generator[None]:
    """Call `printed` whenever something is written to standard output or error inside the block, by any thread; not of
    what is captured."""
    with ExitStack() as stack:
        for stream in map(itself, (sys.stdout, sys.stderr)):
            stack.enter_context(_noticing(stream, printed))
        yield


@contextmanager
def noticing_displays(publisher: Any, shown: Callable[[], None]) -> Generator[None]:
    """Call `shown` whenever IPython's `publisher` displays something inside the block."""
    publish = publisher.publish

    def noticed(*arguments: Any, **options: Any) -> Any:
        shown()
        return publish(*arguments, **options)

    publisher.publish = noticed
    try:
        yield
    finally:
        publisher.publish = publish


@contextmanager
def _noticing(stream: TextIO, printed: Callable[[], None]) -> Generator[None]:
    """The stream itself is changed, not `sys.stderr`: handlers of `logging` keep the stream they were made with."""
    write = stream.write

    def noticed(text: str, /) -> int:
        printed()
        return write(text)

    with suppress(AttributeError):  # a stream that cannot be changed prints as before
        stream.write = noticed
    try:
        yield
    finally:
        with suppress(AttributeError):
            stream.write = write
