"""pytest in a process of its own, as a user runs it: none of this project's fixtures, and no variables of ours.

Only the plugins that are named here are loaded, since those of everybody else that is installed here take longer than
the tests.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

_ALWAYS = ("victor_nb.testing.plugin", "anyio.pytest_plugin")
_WHERE_USED = {
    "--nbmake": ("nbmake.pytest_plugin",),
    "--nbval": ("nbval.plugin",),
    "-n": ("xdist.plugin", "xdist.looponfail"),
}


def run_pytest(folder: Path, *arguments: str, **environment: str) -> tuple[int, str]:
    """Its exit code, and what it printed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("VICTOR_") and name != "CI"}
    kept["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *_plugins(arguments), *arguments]
    done = subprocess.run(command, cwd=folder, env=kept | environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def _plugins(arguments: Sequence[str]) -> Iterator[str]:
    used = [name for option, names in _WHERE_USED.items() if option in arguments for name in names]
    for name in (*_ALWAYS, *used):
        yield from ("-p", name)
