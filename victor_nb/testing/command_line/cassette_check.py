"""`victor-nb cassette check`: whether cassettes may be committed. For CI and for pre-commit."""

from __future__ import annotations

import json
import re
from argparse import ArgumentParser, Namespace
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from victor_nb.testing.cassettes.file import CassetteFile
    from victor_nb.testing.command_line.places import Project

_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"')


@dataclass(frozen=True)
class Complaint:
    """`fixed` tells that it is so no more."""

    path: str
    line: int | None
    message: str
    fixed: bool = False

    def __str__(self) -> str:
        where = self.path if self.line is None else f"{self.path}:{self.line}"
        return f"{where}: {self.message}"


def add(verbs: Any) -> None:
    """Tell the parser of it."""
    what = "tell what is wrong with cassettes: unreadable, not as they would be written, with secrets, or nobody's"
    parser: ArgumentParser = verbs.add_parser("check", help="check them", description=f"{what}; exit code 1 if any is")
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="files or folders (default: this folder)")
    parser.add_argument("--fix", action="store_true", help="write those that are well in the form of this version")
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(command=check)


def check(options: Namespace) -> int:
    """
    Raises:
        UsageError: there is no such path.
        CassetteError: a file cannot be written.
    """
    from victor_nb.testing.command_line.output import counted, say, say_json
    from victor_nb.testing.command_line.places import Project, cassettes

    paths = cassettes(options.paths)
    projects: dict[Path, Project] = {}
    found = list(_of_one_name(paths))
    for path in paths:
        project = Project.of(path)
        found += _of_file(path, projects.setdefault(project.root, project), fix=options.fix)
    wrong = [one for one in found if not one.fixed]
    if options.json:
        say_json([asdict(one) for one in found])
        return int(bool(wrong))
    say(*map(str, found))
    say(f"{counted(len(paths), 'cassette')}, {counted(len(wrong), 'complaint')}.")
    return int(bool(wrong))


def _of_one_name(paths: Sequence[Path]) -> Iterator[Complaint]:
    from victor_nb.testing.command_line.places import shown

    alike: defaultdict[str, list[Path]] = defaultdict(list)
    for path in paths:
        alike[str(path.absolute()).casefold()].append(path)
    for first, *others in alike.values():
        for other in others:
            message = f"its name differs from {first.name} in capitals only, and is the same file on other machines"
            yield Complaint(shown(other), None, message)


def _of_file(path: Path, project: Project, *, fix: bool) -> Iterator[Complaint]:
    from victor_nb.testing.cassettes.file import read
    from victor_nb.testing.cassettes.missing import CassetteError
    from victor_nb.testing.command_line.places import shown

    name = shown(path)
    yield from _of_owners(path, project, name)
    try:
        file = read(path)
    except CassetteError as error:
        yield Complaint(name, None, error.message.partition(f"{path} ")[2])
        return
    secrets = list(_secrets(file.text, name))
    yield from secrets
    yield from _form(path, file, name, fix=fix and not secrets)


def _of_owners(path: Path, project: Project, name: str) -> Iterator[Complaint]:
    from victor_nb.testing.command_line.places import shown

    owners = project.owners(path)
    if not owners:
        yield Complaint(
            name, None, "no notebook and no test is of its name; victor-nb cassette prune --orphans removes it"
        )
    elif len(owners) > 1 and owners[0].parent == path.absolute().parent.parent:
        yield Complaint(name, None, f"{' and '.join(map(shown, owners))} have the same recordings; rename one")


def _secrets(text: str, name: str) -> Iterator[Complaint]:
    """Line by line: in the file a text is a line, or a list of lines."""
    from victor_nb.testing.cassettes.redaction import HOME, Redaction, without_addresses

    redaction = Redaction()
    for number, line in enumerate(text.split("\n"), 1):
        for said in (line, *(str(json.loads(token)) for token in _TOKEN.findall(line))):
            if (clean := redaction.text(said)) != without_addresses(said):
                home = clean.count(HOME) > said.count(HOME)
                what = "this machine's home folder" if home else "what looks like a secret"
                yield Complaint(name, number, f"{what} is in it; take it out, and if it is a key make a new one")
                break
    yield from _addresses(text, name)


def _addresses(text: str, name: str) -> Iterator[Complaint]:
    data: Any = json.loads(text)
    for model in {
        *data.get("models", {}),
        *data.get("embeddings", {}),
        *(str(one.get("model")) for one in data.get("requests", [])),
    }:
        if "://" in model:
            yield Complaint(
                name, None, f"a model is named by the address of its server, {model!r}; name it server:NAME"
            )


def _form(path: Path, file: CassetteFile, name: str, *, fix: bool) -> Iterator[Complaint]:
    from victor_nb.testing.cassettes.cassette import save_takes
    from victor_nb.testing.cassettes.page import to_text
    from victor_nb.testing.cassettes.versions import VERSION

    takes, players, version = file.content.takes, file.content.players, file.content.version
    embeddings = file.content.embeddings
    asked = {take.sent.model or "" for take in takes}
    normal = to_text(takes, {named: player for named, player in players.items() if named in asked}, embeddings)
    marked = path.read_bytes().startswith(b"\xef\xbb\xbf")
    if normal == file.text and not marked:
        return
    if version < VERSION:
        message = f"it is of version {version}, now it is {VERSION}"
    else:
        message = "it was edited by hand" if not marked else "it begins with a byte order mark"
    line = next(
        (n for n, (a, b) in enumerate(zip(file.text.split("\n"), normal.split("\n"), strict=False), 1) if a != b), None
    )
    if fix:
        save_takes(path, takes, players, file.newline, embeddings=embeddings)
        yield Complaint(name, None, f"{message}; it is written anew", fixed=True)
    else:
        yield Complaint(
            name, line if version == VERSION else None, f"{message}; --fix writes it as it would be recorded"
        )
