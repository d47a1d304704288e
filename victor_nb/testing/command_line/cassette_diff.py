"""`victor-nb cassette diff`: what two recordings differ in, in words of a conversation rather than of JSON."""

from __future__ import annotations

import subprocess
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from victor_nb.testing.cassettes.comparison import Change
    from victor_nb.testing.cassettes.file import CassetteFile


def add(verbs: Any) -> None:
    """Tell the parser of it."""
    what = "tell which requests are new, gone or changed, and which answers; exit code 1 if there are any"
    parser: ArgumentParser = verbs.add_parser("diff", help="compare two", description=what)
    parser.add_argument("old", type=Path, metavar="FILE", help="the old one; alone, it is compared with git's HEAD")
    parser.add_argument("new", type=Path, nargs="?", metavar="NEW", help="the new one")
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(command=diff)


def diff(options: Namespace) -> int:
    """
    Raises:
        CassetteError: one of them cannot be read, or git does not know the file.
        UsageError: there is no such file.
    """
    from victor_nb.testing.cassettes.comparison import changes
    from victor_nb.testing.command_line.output import say, say_json
    from victor_nb.testing.command_line.reading import read_one

    new = read_one(options.new or options.old)
    old = read_one(options.old) if options.new else _committed(options.old)
    found = changes(old.content.takes, new.content.takes)
    if options.json:
        say_json([asdict(change) for change in found])
    else:
        say(*_lines(found))
    return int(bool(found))


def _committed(path: Path) -> CassetteFile:
    from victor_nb.testing.cassettes.file import parsed
    from victor_nb.testing.cassettes.missing import CassetteError

    command = ["git", "show", f"HEAD:./{path.name}"]
    hint = "name two files: victor-nb cassette diff OLD NEW"
    try:
        done = subprocess.run(command, cwd=path.absolute().parent, capture_output=True, check=False)
    except FileNotFoundError:
        raise CassetteError("git is not installed.", hint=hint) from None
    if done.returncode:
        reason = done.stderr.decode("utf-8", "replace").strip().partition("\n")[0].removeprefix("fatal: ")
        raise CassetteError(f"git has no earlier {path}: {reason}.", hint=hint)
    return parsed(done.stdout.decode("utf-8-sig", "replace"), Path(f"HEAD:{path}"))


def _lines(found: Sequence[Change]) -> Iterator[str]:
    from victor_nb.testing.command_line.output import counted

    if not found:
        yield "No request and no answer differs."
        return
    for change in found:
        if change.kind != "follows":
            yield from _told(change)
    if follow := sum(change.kind == "follows" for change in found):
        yield f"further on in these conversations: {counted(follow, 'request')} with no other change"


def _told(change: Change) -> Iterator[str]:
    where = change.now if change.now is not None else change.before
    if change.kind in ("new", "gone"):
        yield f'{change.kind}: request {where}, "{change.question}"'
        return
    was = "" if change.before == change.now else f" (it was {change.before})"
    what = f"answered with other {change.what}" if change.kind == "answer" else f"changed in {change.what}"
    yield f'request {where}{was}, "{change.question}", is {what}'
    yield from (f"  {line}" for line in change.lines)
