"""`victor-nb cassette …`: what recordings there are, what is in them, and whether they may be committed."""

from __future__ import annotations

from argparse import ArgumentParser
from importlib import import_module
from typing import Any, Final

_VERBS: Final = ("ls", "show", "diff", "prune", "check")


def add(commands: Any) -> None:
    """Tell the parser of it."""
    what = "look at recorded answers, compare, prune and check them"
    parser: ArgumentParser = commands.add_parser("cassette", help=what, description=what)
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    for name in _VERBS:
        import_module(f"victor_nb.testing.command_line.cassette_{name}").add(verbs)
