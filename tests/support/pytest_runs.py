"""pytest in a process of its own, as a user runs it: none of this project's fixtures, and no variables of ours."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def run_pytest(folder: Path, *arguments: str, **environment: str) -> tuple[int, str]:
    """Its exit code, and what it printed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("VICTOR_") and name != "CI"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    done = subprocess.run(command, cwd=folder, env=kept | environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr
