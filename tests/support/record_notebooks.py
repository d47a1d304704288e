"""Records the cassettes of this project's own notebooks: `python tests/support/record_notebooks.py`.

What the model says is written by hand, below. A server on this machine sends it as Anthropic would, in the place of a
proxy, so that a recording holds what a provider's answer becomes: in pieces, priced, with calls of tools. Nothing
leaves the machine, and no key is needed.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from support.llm_server import LLMServer
from support.llm_wires import Reply

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


def says(text: str, sent: int, first_s: float) -> Reply:
    """An answer in pieces of about three words, to a request of `sent` tokens."""
    words = text.split(" ")
    pieces = [" ".join(words[at : at + 3]) + " " * (at + 3 < len(words)) for at in range(0, len(words), 3)]
    usage = {"input_tokens": sent, "output_tokens": len(text) // 4}
    return Reply(chunks=pieces, usage=usage, delay_s=first_s, pause_s=0.02)


def calls(name: str, sent: int, first_s: float, **arguments: str) -> Reply:
    usage = {"input_tokens": sent, "output_tokens": 58}
    return Reply(tool_calls=[(name, arguments, "toolu_01")], usage=usage, delay_s=first_s)


SCRIPTS: Mapping[str, Sequence[Reply]] = {
    "05_testing": (
        calls("average", 571, 0.9, column="rain_mm", by="city"),
        says(
            "**Bergen**: 168.5 mm on average of January and July. Lisbon has 57 mm, and Nairobi 37.5 mm.\n\n"
            "Two months say little about a year, so take it as a first look.",
            704,
            0.6,
        ),
    ),
}
"""The answers that each notebook gets, one a request, in order."""


def record(notebook: Path, *options: str) -> None:
    """Run a notebook of `SCRIPTS` with its answers, and write its cassette.

    Raises AssertionError when the notebook fails, or asks for less than its script says.
    """
    script = SCRIPTS[notebook.stem]
    server = LLMServer()
    server.script(script)
    try:
        command = [sys.executable, "-m", "pytest", "--nbmake", "--victor=rewrite", "-q", *options, str(notebook)]
        done = subprocess.run(command, env=_environment(server), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert len(server.requests) == len(script), f"{notebook.stem} asked {len(server.requests)} times"
    finally:
        server.close()


def _environment(server: LLMServer) -> dict[str, str]:
    """The provider's name stays in the address, for its prices; the proxy is who answers."""
    ours = ("VICTOR_", "PYTEST_")
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(ours) and not name.lower().endswith("_proxy") and name != "CI"
    }
    anthropic = {"ANTHROPIC_API_KEY": "none-is-needed", "ANTHROPIC_BASE_URL": "http://api.anthropic.com"}
    return kept | anthropic | {"HTTP_PROXY": server.url, "NO_PROXY": "127.0.0.1"}


def main() -> None:
    for name in SCRIPTS:
        record(NOTEBOOKS / f"{name}.ipynb")
        print(f"notebooks/cassettes/{name}.json")


if __name__ == "__main__":
    main()
