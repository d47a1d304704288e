"""Notebooks for tests, and the programs that run them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import nbformat


def write_notebook(
    path: Path,
    cells: Iterable[str],
    *,
    tags: Mapping[int, list[str]] | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Path:
    """A notebook of code cells; `tags` are those of cells by number, the first being 0."""
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    made.metadata.update(metadata or {})
    for number, named in (tags or {}).items():
        made.cells[number].metadata["tags"] = named
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(made, path)
    return path


def run_program(folder: Path, *arguments: str, **environment: str) -> tuple[int, str]:
    """`python -m …` in the folder, as on a user's own machine: not in a test run, and without the user's settings."""
    signs = ("VICTOR_", "PYTEST_", "CI", "NBMAKE", "JPY_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(signs)}
    home = {"VICTOR_HOME": str(folder / ".victor"), "IPYTHONDIR": str(folder / ".ipython")}
    command = [sys.executable, "-m", *arguments]
    done = subprocess.run(
        command, cwd=folder, env=kept | home | environment, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr
