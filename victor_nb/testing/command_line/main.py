"""The parser of `victor-nb`, and what every command has in common: an error is one line and what to do."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Final

from victor_nb.errors import UsageError, VictorError

_COMMANDS: Final = ("cassette", "run")
_FAILED, _WRONG, _INTERRUPTED = 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line asks for. The exit code: 0 all is well, 1 something was found or failed, 2
    asked wrongly."""
    parser = argparse.ArgumentParser(prog="victor-nb", description="Notebooks that chat, in tests.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name in _COMMANDS:
        import_module(f"victor_nb.testing.command_line.{name}").add(commands)
    options = parser.parse_args(arguments)
    try:
        return options.command(options)
    except VictorError as error:
        sys.stderr.write("\n".join(error._render_traceback_()) + "\n")  # pyright: ignore[reportPrivateUsage]
        return _WRONG if isinstance(error, UsageError) else _FAILED
    except KeyboardInterrupt:
        return _INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
