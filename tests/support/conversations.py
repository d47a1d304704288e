"""Orchestrators that talk in a named session of a store of their own, in this process and in others."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from victor_nb import AgentOrchestrator, Settings
from victor_nb.store import SQLiteStore
from victor_nb.testing import ScriptedModel

TALK = """
import asyncio, json, os, sys
from victor_nb import AgentOrchestrator
from victor_nb.testing import ScriptedModel

orchestrator = AgentOrchestrator(model=ScriptedModel(*[f"answer {n}" for n in range(1, 100)]), session_id="thesis")
context = orchestrator.context_coordinator

def ask(*questions):
    for question in questions:
        asyncio.run(orchestrator.chat(question))

def seen():
    found = context.conversation("thesis")
    view = [[m.id, m.role, m.content, m.pinned, m.turn_id] for m in found.view]
    print(json.dumps({"view": view, "records": [r.id for r in found.records], "turns": found.turn_ids}), flush=True)
"""


def talker(store: object, *answers: Any, session: str = "thesis", **settings: Any) -> AgentOrchestrator:
    """An orchestrator of its own on a store, whose model answers `answers`, then "yes"."""
    model = ScriptedModel(*answers, *["yes"] * 50)
    return AgentOrchestrator(Settings(**settings), model=model, store=store, session_id=session)  # type: ignore[arg-type]


def said(orchestrator: AgentOrchestrator, session: str | None = None) -> list[str]:
    """What the next request of a session would send."""
    return [message.content for message in orchestrator.context_coordinator.get_context(session).messages]


def fresh(path: Path, notebook: str | None = None) -> SQLiteStore:
    """Another kernel run on the same file."""
    return SQLiteStore(path, notebook=notebook)


def run_kernel(script: str) -> subprocess.CompletedProcess[str]:
    """Another process, in the same home, until it has ended."""
    command = [sys.executable, "-W", "error", "-c", TALK + script]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


def start_kernel(script: str) -> subprocess.Popen[str]:
    """Another process, in the same home, while it runs."""
    command = [sys.executable, "-W", "error", "-c", TALK + script]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
