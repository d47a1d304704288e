"""Importing the package and loading the extension are instant: no heavy library, no socket, few modules."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HEAVY = ["pandas", "ipywidgets", "httpx", "httpx2", "prometheus_client", "pydantic_ai", "pydantic"]
IMPORT = "import victor_nb"
LOAD_EXT = "shell.run_line_magic('load_ext', 'victor_nb')"

SCRIPT = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell
InteractiveShell.clear_instance()
shell = InteractiveShell.instance()
before, sockets, armed = set(sys.modules), [], True
sys.addaudithook(lambda event, _: sockets.append(event) if armed and event.startswith("socket.") else None)
{statement}
armed = False
print(json.dumps({{"new": sorted(set(sys.modules) - before), "sockets": sockets, "magics": sorted(
    shell.magics_manager.magics["cell"])}}))
shell.history_manager.end_session()
"""


def measure(statement: str, folder: Path) -> dict[str, Any]:
    script = SCRIPT.format(statement=statement)
    env = {"HOME": str(folder), "IPYTHONDIR": str(folder / "ipython"), "VICTOR_HOME": str(folder / "victor")}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=env, check=False, cwd=folder
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("statement", [IMPORT, LOAD_EXT])
def test_it_is_instant(statement: str, tmp_path: Path) -> None:
    seen = measure(statement, tmp_path)
    assert "victor_nb" in seen["new"]
    assert [name for name in seen["new"] if name.partition(".")[0] in HEAVY] == []
    assert seen["sockets"] == []
    assert len(seen["new"]) <= 40, seen["new"]


def test_loading_the_extension_brings_the_magic(tmp_path: Path) -> None:
    assert "victor" in measure(LOAD_EXT, tmp_path)["magics"]


def test_the_measurement_sees_a_heavy_import_and_a_socket(tmp_path: Path) -> None:
    seen = measure("import victor_nb, pandas, socket; socket.socket().close()", tmp_path)
    assert "pandas" in seen["new"]
    assert "socket.__new__" in seen["sockets"]
