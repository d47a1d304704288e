"""Programs that run notebooks by jupyter_client fork their kernels when the environment says so."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux only")

FORKED = "import os; 'kernels.server' in open(f'/proc/{os.getppid()}/cmdline').read()"
PROGRAMS = {
    "papermill": ["papermill", "one.ipynb", "one.ipynb", "--no-progress-bar"],
    "execute": ["jupyter", "execute", "--inplace", "one.ipynb", "two.ipynb"],
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_forks_its_kernels(tmp_path: Path, program: str) -> None:
    command = PROGRAMS[program]
    names = [name for name in dict.fromkeys(command) if name.endswith(".ipynb")]
    for name in names:
        made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(FORKED)])
        made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(made, tmp_path / name)
    env = os.environ | {"JUPYTER_DEFAULT_PROVISIONER_NAME": "victor-fork", "JUPYTER_RUNTIME_DIR": str(tmp_path / "run")}
    bin = Path(sys.executable).parent
    done = subprocess.run(
        [str(bin / command[0]), *command[1:]], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for name in names:
        [cell] = nbformat.read(tmp_path / name, as_version=4).cells[-1:]
        assert cell.outputs[0].data["text/plain"] == "True", done.stderr
