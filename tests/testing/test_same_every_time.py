"""A recorded notebook with tools, a typed answer, turns side by side, a compaction and frames: executed in two kernels,
it shows the same to the byte, and nbval, strict as it is, agrees.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from support.llm_server import LLMServer
from support.pytest_runs import run_pytest

URL = "http://127.0.0.1:9/v1"
CHATS = (
    "%load_ext victor_nb\nimport asyncio, pandas as pd, victor_nb as vn\nfrom pydantic import BaseModel\n"
    "pd.set_option('display.max_columns', None, 'display.width', None)\n%victor use {url}#m",
    "@vn.tool\ndef square(number: int) -> int:\n    'The square of a number.'\n"
    "    vn.orchestrator.analytics_coordinator.track_event('x_squared')\n    return number * number\n\n"
    "class Mean(BaseModel):\n    mean: float",
    "%%victor -o answer\nWhich mean?",
    "answer",
    "%%victor --schema Mean -o typed\nThe mean, typed.",
    "typed, answer.duration_s, answer.time_to_first_token_s, answer.turn_id, answer.session_id",
    "%%victor\n12 and 13 squared?",
    "both = await asyncio.gather(*(vn.orchestrator.chat(f'{name}?', session_id=name) for name in ('one', 'two')))\n"
    "print([(one.content, one.duration_s, one.turn_id) for one in both])",
    "%victor compact",
    "_ = vn.rate(1, 'good')",
    "class Nowhere(vn.BaseAnalyticsExporter):\n    async def export(self, events):\n        raise OSError\n\n"
    "vn.add_exporter(Nowhere())\n%victor export now",
)
SHOWN = (
    "vn.analytics.turns()",
    "vn.analytics.requests()",
    "vn.analytics.tool_calls(content=True)",
    "print(vn.analytics.events(content=True).to_csv())",
    "vn.analytics.sessions()",
    "vn.analytics.compactions()",
    "vn.analytics.feedback(content=True)",
    "vn.analytics.summary()",
    "print(vn.analytics.turns().attrs)\nassert len(vn.analytics.turns(since='2h')) == 5\n"
    "assert vn.analytics.events()['timestamp'].is_monotonic_increasing",
    "vn.conversation",
    "vn.analytics",
    "vn.analytics.plot.tokens()",
    "%victor transcript --all",
    "%victor records",
    "%victor sessions",
    "%victor export",
    "%victor doctor",
)


def answers(server: LLMServer) -> None:
    """Of the turns side by side, the first requests are answered when both are there."""
    squares = [("square", {"number": 12}), ("square", {"number": 13})]
    server.reply("## Mean\n\nThe mean is **3**.")
    server.reply(tool_calls=[("final_answer", {"mean": 3.0})])
    server.reply(tool_calls=squares)
    server.reply("144 and 169.")
    server.reply(tool_calls=squares, delay_s=0.5)
    server.reply(tool_calls=squares, delay_s=0.5)
    server.reply("As said.")
    server.reply("As said.")


def notebook(folder: Path, url: str, *more: str) -> Path:
    cells = [nbformat.v4.new_code_cell(source.replace("{url}", url)) for source in (*CHATS, *more)]
    made = nbformat.v4.new_notebook(cells=cells)
    made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(made, folder / "talk.ipynb")
    return folder / "talk.ipynb"


def pytest_run(folder: Path, *arguments: str, **environment: str) -> None:
    code, told = run_pytest(folder, *arguments, "talk.ipynb", **environment)
    assert code == 0, told


def executed(path: Path) -> list[list[dict[str, Any]]]:
    """The outputs, cell by cell, of a kernel that is started for it; they are saved."""
    found = nbformat.read(path, 4)
    NotebookClient(found, coalesce_streams=True, resources={"metadata": {"path": str(path.parent)}}).execute()
    nbformat.write(found, path)
    return [cell.outputs for cell in found.cells]


@pytest.fixture
def recorded(tmp_path: Path, llm_server: LLMServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    answers(llm_server)
    notebook(tmp_path, llm_server.openai_url)
    pytest_run(tmp_path, "--nbmake", "--victor=record")
    monkeypatch.setenv("VICTOR_CASSETTE", str(tmp_path / "cassettes" / "talk.json"))
    return notebook(tmp_path, URL, *SHOWN)


def test_a_second_kernel_shows_the_same_to_the_byte_and_nbval_agrees(
    recorded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = executed(recorded)
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    assert executed(recorded) == first
    pytest_run(recorded.parent, "--nbval")
    assert "0 delivered, 59 pending (a replay delivers nothing" in str(first[len(CHATS) - 1])
    assert "✓ exporters  Nowhere: 0 delivered" in str(first[-1])
