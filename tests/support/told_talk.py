"""One conversation with all that a cassette can hold, for recordings of it that stay in the repository."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel
from support.llm_server import LLMServer

from victor_nb import AgentOrchestrator
from victor_nb.testing import use_cassette

LONG = "## Answer\n\nThe mean is **3**.\n\n```python\nprint(3)\n```\n"
TOLD = [LONG, "It is 144, and 169.", "value=7 unit='kg'", "A die: 4.", "A die: 2."]


class Weight(BaseModel):
    value: int
    unit: str


def square(number: int) -> int:
    """The square of a number.

    Args:
        number: which.
    """
    return number * number


async def talk(model: str) -> list[str]:
    """What was answered; two dice are the same request twice."""
    first = AgentOrchestrator(model=model, tools=[square])
    said = [(await first.chat("Which mean?")).content]
    said += [(await first.chat("And 12 and 13 squared?\nBoth, please.", temperature=0.5)).content]
    said += [str((await first.chat("What does it weigh?", output_type=Weight)).output)]
    first.close()
    for _ in range(2):
        other = AgentOrchestrator(model=model)
        said += [(await other.chat("Roll a die.", session_id=None)).content]
        other.close()
    return said


async def record(server: LLMServer, path: Path) -> list[str]:
    server.reply(chunks=("## Answer\n\n", "The mean is **3**.\n\n```py", "thon\nprint(3)\n```\n"))
    server.reply(tool_calls=[("square", {"number": 12}), ("square", {"number": 13})])
    server.reply("It is 144, and 169.")
    server.reply(tool_calls=[("final_answer", {"value": 7, "unit": "kg"})])
    server.reply("A die: 4.")
    server.reply("A die: 2.")
    with use_cassette(path, "rewrite"):
        return await talk(f"{server.openai_url}#m")
