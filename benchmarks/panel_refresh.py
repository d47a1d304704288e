"""What the panel costs while turns run: CPU seconds of one refresh of each tab at 1,000 turns, in multiples of
`summary()` in the same run, and the bytes that a front end is sent.

    python benchmarks/panel_refresh.py

Measured 2026-11-28, 2 cores, busy with other work (load 4 to 6), CPU s, × summary() in brackets: summary() 0.015,
dashboard().html 0.057 (3.9), Analytics tab 0.060 (4.1; 21 kB), Context tab 0.012 (0.8; 1 kB).
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from _harness import SUPPORT, table

from victor_nb.agent.coordinators import ContextCoordinator
from victor_nb.context.conversation import Conversation
from victor_nb.frames import Analytics
from victor_nb.frames.turn_texts import turn_texts
from victor_nb.messages import Message
from victor_nb.notebook.conversations.state import ConversationState
from victor_nb.notebook.panels.context_lists import not_sent
from victor_nb.notebook.panels.turn_table import failed_first, turn_table
from victor_nb.notebook.panels.window_bar import window_bar
from victor_nb.store.sqlite import SQLiteStore

sys.path.insert(0, str(SUPPORT))
from support import recorded

TURNS = 1_000
ROUNDS = 15


def analytics_tab(analytics: Analytics) -> str:
    shown = analytics.dashboard()
    listed = {str(turn.turn_id) for turn in failed_first(shown.facts.turns)}
    return shown.overview() + turn_table(shown.facts.turns, turn_texts(shown.facts.scope, listed))


def context_tab(coordinator: ContextCoordinator, conversation: Conversation) -> str:
    state = ConversationState.of(coordinator, conversation.session_id)
    return window_bar(state) + not_sent(conversation.log, conversation.view)


def talk(coordinator: ContextCoordinator) -> Conversation:
    conversation = coordinator.conversation("long")
    for number in range(TURNS):
        conversation.append(Message("user", f"Question {number}. " + "word " * 40))
        conversation.append(Message("assistant", f"Answer {number}. " + "word " * 40))
    return conversation


def cpu_s(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def main() -> None:
    coordinator = ContextCoordinator()
    conversation = talk(coordinator)
    with tempfile.TemporaryDirectory() as folder:
        store = SQLiteStore(Path(folder) / "events.db")
        for number in range(TURNS):
            session = f"session-{number // 20}"
            recorded.request(store, recorded.turn(store, session), session)
        analytics = Analytics(lambda: store)
        works: dict[str, Callable[[], object]] = {
            "summary()": analytics.summary,
            "dashboard().html": lambda: analytics.dashboard().html,
            "Analytics tab": lambda: analytics_tab(analytics),
            "Context tab": lambda: context_tab(coordinator, conversation),
        }
        sizes = {name: len(str(work()).encode()) if name != "summary()" else 0 for name, work in works.items()}
        measured = [{name: cpu_s(work) for name, work in works.items()} for _ in range(ROUNDS)]
        store.close()
    medians = {name: statistics.median(spent[name] for spent in measured) for name in works}
    rows = [(name, spent, spent / medians["summary()"], sizes[name]) for name, spent in medians.items()]
    table(f"{TURNS:,} turns", ["", "CPU s", "× summary()", "bytes"], rows)


if __name__ == "__main__":
    main()
