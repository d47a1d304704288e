"""Every gate turns red: each is shown one planted error in a copy, beside clean code that it lets pass."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "pyproject.toml"
TOOLS = Path(sys.executable).parent

RUFF = {
    "E": "if True: pass\n",
    "F": "import os\n",
    "W": "x = 1 \n",
    "I": "import sys\nimport os\n\nprint(os, sys)\n",
    "B": "def f(x=[]):\n    return x\n",
    "C4": "x = list([i for i in range(3)])\n",
    "C901": "def f(x):\n" + "".join(f"    if x == {i}:\n        return {i * 7}\n" for i in range(12)),
    "UP": "from typing import List\n\nx: List[int] = []\n",
    "BLE": "try:\n    x = 1\nexcept Exception:\n    x = 2\n",
    "TRY400": "import logging\n\ntry:\n    x = 1\nexcept ValueError:\n    logging.getLogger().error('x')\n",
    "TRY401": "import logging\n\ntry:\n    x = 1\nexcept OSError as e:\n    logging.getLogger().exception('', e)\n",
    "S110": "try:\n    x = 1\nexcept Exception:\n    pass\n",
    "S112": "for i in 'ab':\n    try:\n        x = 1\n    except Exception:\n        continue\n",
    "S608": "def f(x):\n    return f'SELECT a FROM {x} WHERE b'\n",
    "G": "import logging\n\nx = 1\nlogging.getLogger().info(f'{x}')\n",
    "LOG": "import logging\n\nx = logging.getLogger(__file__)\n",
    "DTZ": "import datetime\n\nx = datetime.datetime.now()\n",
    "RUF": "x = [1] + [*range(3)]\n",
    "ASYNC": "import time\n\n\nasync def f():\n    time.sleep(1)\n",
    "PIE": "class A:\n    x = 1\n    pass\n",
    "SIM": "def f(x):\n    if x:\n        return True\n    else:\n        return False\n",
    "PT": "import pytest\n\n\n@pytest.fixture()\ndef f():\n    return 1\n",
    "PTH": "import os\n\nx = os.path.join('a', 'b')\n",
    "T20": "print('x')\n",
    "PERF": "def f(xs):\n    out = []\n    for x in xs:\n        out.append(x + 1)\n    return out\n",
    "PGH": "x = 1  # type: ignore\n",
    "TID251": "from unittest.mock import Mock\n\nx = Mock()\n",
    "TID253": "import pandas\n\nx = pandas\n",
    "PLE": "class A:\n    def __init__(self):\n        return 1\n",
    "PLW": "x = 1\nx = x\n",
}
"""Rule group of pyproject.toml → code that breaks it."""

UPWARD = ("victor_nb/errors.py", "import victor_nb.messages", "A module imports only what stands below it")
SIBLING = ("victor_nb/frames/losses.py", "import victor_nb.store", "A module imports only what stands below it")
LIBRARY = ("victor_nb/frames/losses.py", "import pydantic_ai", "One module knows the model library")
NOTEBOOK = ("victor_nb/frames/losses.py", "import IPython", "Only the notebook folder knows IPython and ipywidgets")


def run(*command: str, cwd: Path, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    tool = str(TOOLS / command[0])
    environ = {**os.environ, **(env or {}), "NO_COLOR": "1"}
    return subprocess.run([tool, *command[1:]], cwd=cwd, capture_output=True, text=True, env=environ, check=False)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A folder with the project's configuration and no code."""
    shutil.copy(CONFIG, tmp_path)
    (tmp_path / "victor_nb").mkdir()
    (tmp_path / "victor_nb" / "__init__.py").touch()
    return tmp_path


def test_every_selected_rule_has_its_canary() -> None:
    lint = tomllib.loads(CONFIG.read_text())["tool"]["ruff"]["lint"]
    assert set(RUFF) == set(lint["select"]) - set(lint["ignore"])


def test_ruff_sees_each_rule_broken(copy: Path) -> None:
    for group, code in RUFF.items():
        (copy / "victor_nb" / f"{group.lower()}.py").write_text(code)
    shutil.copy(ROOT / "victor_nb" / "errors.py", copy / "victor_nb")
    found = json.loads(run("ruff", "check", "--no-cache", "--output-format=json", cwd=copy).stdout)
    seen = {(Path(one["filename"]).stem, str(one["code"])) for one in found}
    unseen = [group for group in RUFF if not any(s == group.lower() and c.startswith(group) for s, c in seen)]
    assert unseen == []
    assert "errors" not in {stem for stem, _ in seen}


def test_ruff_sees_bad_format(copy: Path) -> None:
    assert run("ruff", "format", "--check", "--no-cache", cwd=copy).returncode == 0
    (copy / "victor_nb" / "planted.py").write_text("x = { 'a':1 }\n")
    assert run("ruff", "format", "--check", "--no-cache", cwd=copy).returncode == 1


def test_pyright_is_strict(copy: Path) -> None:
    shutil.copy(ROOT / "victor_nb" / "errors.py", copy / "victor_nb")
    (copy / "victor_nb" / "planted.py").write_text("def untyped(x):\n    return x\n")
    done = run("pyright", "--outputjson", "--pythonpath", sys.executable, cwd=copy)
    report = json.loads(done.stdout)
    assert done.returncode == 1
    assert report["summary"]["filesAnalyzed"] == 3
    assert {Path(one["file"]).name for one in report["generalDiagnostics"]} == {"planted.py"}
    assert "reportMissingParameterType" in {one["rule"] for one in report["generalDiagnostics"]}


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the whole package, which import-linter reads as one graph."""
    folder = tmp_path_factory.mktemp("package")
    shutil.copy(CONFIG, folder)
    shutil.copytree(ROOT / "victor_nb", folder / "victor_nb", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def module_of(file: str) -> str:
    return file.removesuffix(".py").replace("/", ".")


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    return run("lint-imports", "--cache-dir", ".cache", cwd=folder, env={"PYTHONPATH": str(folder), "COLUMNS": "200"})


def test_import_linter_passes_the_package(package: Path) -> None:
    done = lint_imports(package)
    assert (done.returncode, " 0 broken" in done.stdout) == (0, True), done.stdout


@pytest.mark.parametrize(("file", "line", "contract"), [UPWARD, SIBLING, LIBRARY, NOTEBOOK])
def test_import_linter_sees_a_forbidden_import(package: Path, file: str, line: str, contract: str) -> None:
    clean = (package / file).read_text()
    (package / file).write_text(f"{clean}\n{line}\n")
    done = lint_imports(package)
    (package / file).write_text(clean)
    assert done.returncode == 1
    assert f"{contract} BROKEN" in done.stdout
    assert f"{module_of(file)} -> {line.split()[1]} (l." in done.stdout


def test_typos_sees_a_typo(copy: Path) -> None:
    (copy / "notes.md").write_text("We receive the model.\n")
    assert run("typos", cwd=copy).returncode == 0
    (copy / "notes.md").write_text(f"We {'rec' + 'ieve'} the model.\n")
    assert run("typos", cwd=copy).returncode == 2
