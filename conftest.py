"""The documentation runs: every `python` fence of README.md and docs/*.md is a cell in a kernel of its file's own.

A cell may await, use magics, and be interrupted, as in a notebook. Where it prints, the comments `# → …` say what,
line by line; where it must fail, its first line is `# raises SomeError`.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sybil import Example, Sybil
from sybil.example import SybilFailure
from sybil.parsers.markdown import CodeBlockParser

RAISES = re.compile(r"# raises (\w+)\n")
PRINTS = re.compile(r"# → (.*)")


def start(namespace: dict[str, Any]) -> None:
    from support.kernels import start_kernel

    folder = namespace["folder"] = TemporaryDirectory(prefix="victor-nb-docs-", ignore_cleanup_errors=True)
    personal = {name: "" for name in os.environ if name.startswith("VICTOR_") or name.endswith("_API_KEY")}
    namespace["kernel"] = start_kernel(Path(folder.name), {**personal, "VICTOR_HOME": folder.name})


def stop(namespace: dict[str, Any]) -> None:
    namespace["kernel"].close()
    namespace["folder"].cleanup()


def run_as_cell(example: Example) -> None:
    source = str(example.parsed)
    expected = RAISES.match(source)
    result = example.namespace["kernel"].run(source, timeout=60)
    failed = result.error.ename if result.error else None
    if failed != (expected[1] if expected else None):
        text = "\n".join(result.error.traceback) if result.error else f"It did not raise {expected and expected[1]}."
        raise SybilFailure(example, text)
    wanted = PRINTS.findall(source)
    if wanted and result.stdout.splitlines() != wanted:
        raise SybilFailure(example, f"It printed:\n{result.stdout}")


pytest_collect_file = Sybil(
    parsers=[CodeBlockParser("python", run_as_cell)],
    patterns=["README.md", "docs/*.md"],
    setup=start,
    teardown=stop,
).pytest()
