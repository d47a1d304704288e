"""`victor-nb cassette ls`: the cassettes below, what is in them, and those whose notebook or test is gone."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Row:
    """Of one file. `cost_usd` is None where no price was known; `error` says why it cannot be read."""

    path: str
    owner: str | None
    requests: int = 0
    models: tuple[str, ...] = ()
    tokens: int = 0
    cost_usd: float | None = None
    bytes: int = 0
    version: int | None = None
    error: str = ""


def add(verbs: Any) -> None:
    """Tell the parser of it."""
    what = "list cassettes: what for, requests, models, tokens, cost, size, version of the form"
    parser: ArgumentParser = verbs.add_parser("ls", help="list them", description=what)
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="files or folders (default: this folder)")
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(command=ls)


def ls(options: Namespace) -> int:
    """
    Raises:
        UsageError: there is no such path.
    """
    from victor_nb.testing.command_line.output import columns, say, say_json
    from victor_nb.testing.command_line.places import Project, cassettes

    projects: dict[Path, Project] = {}
    rows: list[Row] = []
    for path in cassettes(options.paths):
        project = Project.of(path)
        rows.append(_row(path, projects.setdefault(project.root, project)))
    if options.json:
        say_json([asdict(row) for row in rows])
    elif rows:
        head = ("CASSETTE", "FOR", "REQUESTS", "MODELS", "TOKENS", "COST", "BYTES", "VERSION")
        say(*columns([head, *map(_cells, rows)], right=(2, 4, 5, 6)))
    else:
        say("There is no cassette here.")
    return int(any(row.error for row in rows))


def _row(path: Path, project: Any) -> Row:
    from victor_nb.testing.cassettes.file import read
    from victor_nb.testing.cassettes.missing import CassetteError
    from victor_nb.testing.command_line.places import shown

    owner = next((shown(one) for one in project.owners(path)), None)
    try:
        content = read(path).content
    except CassetteError as error:
        return Row(shown(path), owner, bytes=_size(path), error=error.message.partition("cannot be read: ")[2])
    replies = [take.answer.reply for take in content.takes]
    costs = [reply.cost_usd for reply in replies if reply.cost_usd is not None]
    models = sorted({take.sent.model or "the environment's" for take in content.takes})
    tokens, cost = sum(reply.usage.total_tokens for reply in replies), sum(costs) if costs else None
    return Row(shown(path), owner, len(replies), tuple(models), tokens, cost, _size(path), content.version)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _cells(row: Row) -> tuple[str, ...]:
    from victor_nb.testing.cassettes.versions import VERSION
    from victor_nb.testing.command_line.output import dollars

    owner = row.owner or "– (orphan)"
    if row.error:
        return row.path, owner, "", f"cannot be read: {row.error}", "", "", f"{row.bytes:,}", ""
    version = f"{row.version}" if row.version == VERSION else f"{row.version} (now {VERSION})"
    models = ", ".join(row.models)
    numbers = (f"{row.tokens:,}", dollars(row.cost_usd), f"{row.bytes:,}")
    return row.path, owner, f"{row.requests:,}", models, *numbers, version
