"""`victor-nb run NOTEBOOK…`: notebooks are executed with recorded answers, in kernels forked from a warm one."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path
from typing import Any, Final

from victor_nb.errors import UsageError
from victor_nb.testing.notebooks.execution import Verdict, Wish, executed
from victor_nb.testing.notebooks.trial import MODE, MODES, told, unheeded

_CHECKPOINTS: Final = ".ipynb_checkpoints"


def add(commands: Any) -> None:
    """Tell the parser of it."""
    what = "execute notebooks with recorded answers"
    parser: ArgumentParser = commands.add_parser("run", help=what, description=f"{what}; exit code 1 if one fails")
    parser.add_argument("notebooks", nargs="+", type=Path, metavar="NOTEBOOK", help="a notebook, or a folder of them")
    parser.add_argument("--mode", choices=MODES, help=f"where answers come from (default: ${MODE}, then replay)")
    parser.add_argument("--check", action="store_true", help="fail where a cell shows something else than is saved")
    parser.add_argument("--write", action="store_true", help="save the outputs of notebooks that pass")
    parser.add_argument("--timeout", type=int, default=300, metavar="S", help="seconds that a cell may take (300)")
    parser.add_argument("-j", "--jobs", type=int, default=1, metavar="N", help="notebooks at a time (1)")
    parser.set_defaults(command=run)


def run(options: Namespace) -> int:
    """
    Raises:
        UsageError: a path is no notebook; there is no such mode.
        MissingExtraError: nbclient is not installed.
    """
    from victor_nb.testing.cassettes.use import checked_mode
    from victor_nb.testing.kernels.choice import begin_to_warm, forked_kernels, stop

    paths = list(_found(options.notebooks))
    wish = Wish(checked_mode(options.mode), options.timeout, options.write, options.check)
    begin_to_warm()
    try:
        with forked_kernels() as plain:
            verdicts = list(_all(paths, wish, options.jobs))
    finally:
        stop()
    if plain:
        _say(f"{'1 kernel was' if len(plain) == 1 else f'{len(plain)} kernels were'} not forked: {plain[0]}")
    failed = sum(bool(verdict.failure) for verdict in verdicts)
    reports = [dict(verdict.report) for verdict in verdicts]
    _say(f"{len(verdicts) - failed} passed, {failed} failed. {told(reports)}".strip())
    if line := unheeded(reports):
        _say(line)
    return int(failed > 0)


def _found(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(one for one in path.rglob("*.ipynb") if _CHECKPOINTS not in one.parts)
        elif path.is_file():
            yield path
        else:
            raise UsageError(f"there is no {path}.")


def _all(paths: list[Path], wish: Wish, jobs: int) -> Iterator[Verdict]:
    """In the order in which they were named, each told when it and those before it are done."""
    with ThreadPoolExecutor(max_workers=max(1, jobs)) as pool:
        for verdict in pool.map(executed, paths, repeat(wish)):
            _tell(verdict)
            yield verdict


def _tell(verdict: Verdict) -> None:
    counts = [f"{verdict.report[name]} {name}" for name in ("replayed", "recorded") if verdict.report.get(name)]
    seconds = f"{verdict.seconds:.1f} s"
    _say(", ".join([f"{'FAILED' if verdict.failure else 'passed'}  {verdict.path}  {seconds}", *counts]))
    if verdict.failure:
        _say("\n".join(f"    {line}" for line in verdict.failure.splitlines()))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
