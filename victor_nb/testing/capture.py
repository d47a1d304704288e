"""`capture_events()`: what orchestrators record in a block, whichever they are and whatever store they have."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, Self, get_args

from victor_nb.agent.witnesses import watching
from victor_nb.errors import UsageError, did_you_mean
from victor_nb.exporters.decode import decode
from victor_nb.frames import Analytics
from victor_nb.protocols import AnalyticsEvent, EventQuery, IEventStore, StoredEvent
from victor_nb.store import InMemoryStore

if TYPE_CHECKING:
    import pandas as pd

FrameName = Literal["events", "turns", "requests", "tool_calls", "compactions", "feedback", "sessions"]
_NAMES: Final = get_args(FrameName)


class _Place(NamedTuple):
    """Where the events of a session are."""

    kernel_run_id: str
    channel: int
    session_id: str


class CapturedEvents:
    """The events of a block, while it runs and afterwards; for `with` and `async with`. Each is as an exporter is given
    it; with `include_content`, prompts, answers, arguments and results are in `data`."""

    def __init__(self, *, include_content: bool = False) -> None:
        self._include_content = include_content
        self._lock = threading.Lock()
        self._stores: dict[str, IEventStore] = {}
        self._before: dict[_Place, int] = {}
        self._last: dict[str, int] = {}
        self._watching = ExitStack()

    def __enter__(self) -> Self:
        self._watching.enter_context(watching(self))
        return self

    def __exit__(self, *_: object) -> None:
        self._watching.close()
        with self._lock:
            self._last = {run: store.accepted for run, store in self._stores.items()}

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(self, *_: object) -> None:
        self.__exit__()

    def saw(self, store: IEventStore, channel: int, session_id: str) -> None:
        """For who records."""
        run = store.kernel_run_id
        with self._lock:
            self._stores.setdefault(run, store)
            self._before.setdefault(_Place(run, channel, session_id), store.accepted)

    @property
    def events(self) -> list[AnalyticsEvent]:
        """Oldest first."""
        return decode(self._stored(), include_content=self._include_content)

    @property
    def types(self) -> list[str]:
        return [event.type for event in self._stored()]

    def of(self, type: str) -> list[AnalyticsEvent]:
        """The events of one type, oldest first."""
        return [event for event in self.events if event.type == type]

    @property
    def analytics(self) -> Analytics:
        """Frames of these events and no others, as they are now."""
        store = InMemoryStore.of(self._stored())
        return Analytics(lambda: store)

    def frame(self, name: FrameName = "events", **options: Any) -> pd.DataFrame:
        """One of the frames of `analytics`, which takes `options` too.

        Raises:
            UsageError: there is no such frame.
        """
        if name not in _NAMES:
            raise UsageError(
                f"there is no frame {name!r}.{did_you_mean(name, _NAMES)}", hint=f"one of {', '.join(_NAMES)}"
            )
        return getattr(self.analytics, name)(**options)

    def _stored(self) -> list[StoredEvent]:
        with self._lock:
            stores, before, last = dict(self._stores), dict(self._before), dict(self._last)
        found: list[StoredEvent] = []
        for run, store in stores.items():
            store.flush()
            found += store.read(EventQuery(kernel_run_ids=[run]))
        return sorted(
            (event for event in found if _is_of(event, before, last)),
            key=lambda event: (event.timestamp_us, event.seq),
        )


def _is_of(event: StoredEvent, before: dict[_Place, int], last: dict[str, int]) -> bool:
    first = before.get(_Place(event.kernel_run_id, event.channel, event.session_id))
    return first is not None and first < event.seq <= last.get(event.kernel_run_id, event.seq)


def capture_events(*, include_content: bool = False) -> CapturedEvents:
    """In the block, what orchestrators record is collected: `.events`, `.types`, `.of("turn_completed")`, `.frame()`,
    `.analytics`. They may have been made before; nothing has to be set up, and exporters are not asked."""
    return CapturedEvents(include_content=include_content)
