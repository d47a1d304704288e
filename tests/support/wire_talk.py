"""One conversation over each wire that the package has. As a program it replays the stored recordings of all of them
with the packages of providers and of HTTP out of reach, and prints what was answered.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

WIRES = ("openai-chat:gpt-5-mini", "openai-responses:gpt-5-mini", "anthropic:claude-sonnet-5-5")
STORED = Path(__file__).parents[1] / "testing" / "cassettes" / "wires"
OUT_OF_REACH = ("openai", "anthropic", "pydantic_ai", "httpx", "httpx2", "httpcore", "httpcore2", "genai_prices")


def stored(wire: str) -> Path:
    return STORED / f"{wire.partition(':')[0]}.json"


def square(number: int) -> int:
    """The square of a number."""
    return number * number


async def talk(wire: str, url: str | None = None) -> list[str]:
    """Two answers, the first streamed and after a call of a tool."""
    from victor_nb import AgentOrchestrator
    from victor_nb.config.settings import Settings
    from victor_nb.testing import InMemoryStore

    orchestrator = AgentOrchestrator(Settings(base_url=url), model=wire, tools=[square], store=InMemoryStore())
    try:
        first = await orchestrator.chat("What is 12 squared?", on_chunk=lambda chunk: None)
        second = await orchestrator.chat("Sure?", max_tokens=500)
    finally:
        orchestrator.close()
    return [first.content, second.content]


class OutOfReach:
    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name.partition(".")[0] in OUT_OF_REACH:
            raise ModuleNotFoundError(f"{name} is out of reach", name=name)
        return None


def main() -> None:
    finder: Any = OutOfReach()
    sys.meta_path.insert(0, finder)
    from victor_nb.testing import use_cassette

    told: dict[str, list[str]] = {}
    for wire in WIRES:
        with use_cassette(stored(wire)):
            told[wire] = asyncio.run(talk(wire))
    print(json.dumps(told))


if __name__ == "__main__":
    main()
