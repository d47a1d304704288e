"""docs/testing.md, "From nothing to a green CI job": its steps are taken one after the other, in an empty folder.

The notebook, the commands, the workflow and what is printed are those of the page. A server on this machine answers for
the provider, and what the page installs is there already.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import nbformat
import pytest
import yaml
from support.llm_server import LLMServer

PAGE = (Path(__file__).parents[2] / "docs" / "testing.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("## From nothing to a green CI job\n")[2].partition("\n## ")[0]
FENCES = re.findall(r"```(\w+)\n(.*?)```", SECTION, re.DOTALL)
(NOTEBOOK, RECORDED, REPLAYED, RED), (RECORD, REPLAY), (WORKFLOW,) = (
    [text for language, text in FENCES if language == wanted] for wanted in ("text", "sh", "yaml")
)


@dataclass(frozen=True)
class Project:
    """A folder of somebody who follows the page."""

    folder: Path

    def write(self, cells: str) -> None:
        sources = [cell.strip() for cell in cells.split("# %%\n") if cell.strip()]
        made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
        (self.folder / "notebooks").mkdir(exist_ok=True)
        nbformat.write(made, self.folder / "notebooks" / "rain.ipynb")

    def run(self, commands: str, **environment: str) -> tuple[int, str]:
        """As a shell does it that stops at the first failure; what is to be installed must be there."""
        ours = ("VICTOR_", "PYTEST_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(ours) and name != "CI"}
        kept |= {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        lines = [line for line in commands.splitlines() if not installed(line)]
        done = subprocess.run(
            ["bash", "-e", "-c", "\n".join(lines)],
            cwd=self.folder,
            env=kept | environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, re.sub(r" in [\d.]+s\b", "", done.stdout + done.stderr)


def installed(line: str) -> bool:
    """Whether the line installs packages; raises PackageNotFoundError for one that is not there."""
    if not line.startswith("pip install "):
        return False
    return all(version(name) for name in shlex.split(line)[2:])


def printed(output: str, fence: str) -> list[str]:
    """The lines of the page that were not printed."""
    seen = [line.strip(" =") for line in output.splitlines()]
    return [line for line in fence.splitlines() if line.strip() not in seen]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """After step 2, with the provider gone."""
    made = Project(tmp_path_factory.mktemp("project"))
    made.write(NOTEBOOK)
    server = LLMServer()
    server.reply("Bergen.", usage={"input_tokens": 200, "output_tokens": 3})
    code, output = made.run(RECORD.replace("…", "a-key"), OPENAI_BASE_URL=server.openai_url)
    server.close()
    assert (code, printed(output, RECORDED)) == (0, []), output
    return made


def test_the_notebook_about_testing_shows_the_same_workflow() -> None:
    cells = nbformat.read(Path(__file__).parents[2] / "notebooks" / "05_testing.ipynb", as_version=4).cells
    assert [cell.id for cell in cells if f"```yaml\n{WORKFLOW}```" in cell.source] == ["ci-text"]


def test_what_was_recorded_is_replayed_without_a_key(project: Project) -> None:
    assert [path.name for path in project.folder.rglob("*.json")] == ["rain.json"]
    code, output = project.run(REPLAY)
    assert (code, printed(output, REPLAYED)) == (0, []), output


def test_the_workflow_is_green_and_red_once_the_question_changes(project: Project) -> None:
    workflow = yaml.safe_load(WORKFLOW)
    [job] = workflow["jobs"].values()
    commands = "\n".join(step["run"] for step in job["steps"] if "run" in step)
    assert "secrets" not in WORKFLOW
    code, output = project.run(commands, CI="true")
    assert (code, printed(output, REPLAYED)) == (0, []), output
    project.write(NOTEBOOK.replace("wettest", "driest"))
    code, output = project.run(commands, CI="true")
    assert (code, printed(output, RED)) == (1, []), output
