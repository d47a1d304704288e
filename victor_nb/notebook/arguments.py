"""The grammar of `%victor` and `%%victor`: flags and verbs, with an error that helps for everything else."""

from __future__ import annotations

import argparse
import keyword
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from victor_nb.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from victor_nb.messages import JsonValue

VERBS = {
    "use": "use MODEL: chat with this model from now on, as `%victor use anthropic:claude-sonnet-5-5`",
    "model": "model: which model is in use",
    "session": "session [NAME]: which conversation this notebook is in, or go to the one called NAME\n"
    "    NAME --fork NEW: go to a copy of it · NAME --read-only: look, but do not ask\n"
    "    NAME --from NOTEBOOK: go to a copy of another notebook's\n"
    "  session fork NAME NEW [--at TURN] | rename OLD NEW | delete NAME [--yes]\n"
    "  session export NAME PATH | import PATH [NAME]",
    "sessions": "sessions: all conversations of this notebook, as a DataFrame",
    "reset": "reset: forget this conversation for good (what was recorded stays)",
    "context": "context: how much of the model's window the conversation takes",
    "compact": "compact: make the conversation smaller now",
    "preview": "preview: what `compact` would do",
    "undo": "undo: take the last compaction back",
    "pin": "pin NUMBER | WORDS: always send this message as it is",
    "unpin": "unpin NUMBER | WORDS: take a pin back",
    "search": "search WORDS: the messages that hold them, with their numbers, as a DataFrame",
    "records": "records: the compactions of this conversation, as a DataFrame",
    "tools": "tools: what the model may call, as a DataFrame",
    "prompt": "prompt: the parts of the system prompt, as a DataFrame",
    "config": "config [SETTING]: the settings and where each came from, as a DataFrame, or one of them",
    "analytics": "analytics [COLUMN …]: what the turns cost and took, by model or by these columns of `turns()`\n"
    "  analytics size | vacuum | backup PATH: how big the store is; give back what it does not use; copy it\n"
    "  analytics prune --before DATE [--undelivered]: delete old events (DATE as 2026-01-31, or an age as 90d)",
    "export": "export [status | now | retry]: where each exporter is; deliver now; try again what was refused",
    "tags": "tags [NAME=VALUE …] | clear: the tags of every turn from now on",
    "doctor": "doctor: what works here, and what to do about the rest",
    "help": "help [VERB]: this text, or what it says of one verb",
}


@dataclass(frozen=True)
class CellOptions:
    """The flags of one `%%victor` cell."""

    model: str | None
    session: str | None
    output: str | None
    tools: tuple[str, ...]
    tags: dict[str, JsonValue]
    quiet: bool


class _Parser(argparse.ArgumentParser):
    hint = "see %%victor?"

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{self.prog}: {message}.", hint=self.hint)


def _cell_parser() -> _Parser:
    parser = _Parser(
        prog="%%victor",
        add_help=False,
        allow_abbrev=False,
        description="Send the text of this cell to the model; the answer streams in below.",
    )
    setattr(parser, "color", False)  # noqa: B010 (new in Python 3.14, which would put escape sequences into the help)
    parser.add_argument("-m", "--model", help="the model of this cell, as openai:gpt-5 or demo")
    parser.add_argument("-s", "--session", metavar="NAME", help="the conversation that this cell belongs to")
    parser.add_argument("-o", "--output", metavar="NAME", help="bind the answer (a ChatResponse) to this variable")
    parser.add_argument("--tools", metavar="F,G", default="", help="functions of the notebook that it may call")
    parser.add_argument(
        "--tag", metavar="NAME=VALUE", action="append", default=[], help="a tag of this turn, may be repeated"
    )
    parser.add_argument("--quiet", action="store_true", help="no footer under the answer")
    return parser


def cell_help() -> str:
    """What `%%victor?` shows."""
    return f"{_cell_parser().format_help()}\n{line_help()}"


def line_help() -> str:
    return "\n".join(["%victor VERB", *(f"  {text}" for text in VERBS.values())])


def _words(magic: str, line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:
        raise UsageError(f"{magic}: a quotation mark is missing in {line.strip()!r}.", hint="close it") from None


def parse_cell_line(line: str) -> CellOptions:
    """
    Raises:
        UsageError: a flag is unknown or has no value, or something else stands on the line.
    """
    from victor_nb.agent.tags import parse_tags

    parser = _cell_parser()
    found, rest = parser.parse_known_args(_words("%%victor", line))
    for word in rest:
        if word.startswith("-"):
            known = [flag for action in parser._actions for flag in action.option_strings]
            raise UsageError(f"%%victor: no flag {word!r}.{did_you_mean(word, known)}", hint="see %%victor?")
        raise UsageError(
            f"%%victor: {word!r} stands on the first line.", hint="write the question on the lines below it"
        )
    if found.output is not None and (not found.output.isidentifier() or keyword.iskeyword(found.output)):
        raise UsageError(f"%%victor: {found.output!r} is not a variable name.", hint="as in -o answer")
    tools = tuple(name.strip() for name in found.tools.split(",") if name.strip())
    return CellOptions(found.model, found.session, found.output, tools, parse_tags(found.tag), found.quiet)


def parse_verb(line: str) -> tuple[str, list[str]]:
    """The verb of a `%victor` line (`help` if there is none) and the words after it.

    Raises:
        UsageError: the verb is unknown.
    """
    words = _words("%victor", line)
    if not words:
        return "help", []
    verb, *rest = words
    if verb not in VERBS:
        raise UsageError(f"%victor: no verb {verb!r}.{did_you_mean(verb, VERBS)}", hint="see %victor help")
    return verb, rest


def parse_words(
    prog: str, words: Sequence[str], hint: str, *arguments: tuple[str, dict[str, Any]]
) -> argparse.Namespace:
    """The words after a verb, by argparse: each of `arguments` is a name or flag and what `add_argument` takes.

    Raises:
        UsageError: one is missing, or there is another.
    """
    parser = _Parser(prog=prog, add_help=False, allow_abbrev=False)
    parser.hint = hint
    for name, options in arguments:
        parser.add_argument(name, **options)
    found, rest = parser.parse_known_args(list(words))
    for word in rest:
        flags = [name for name, _ in arguments if name.startswith("-")]
        raise UsageError(f"{prog}: no {word!r} here.{did_you_mean(word, flags)}", hint=hint)
    return found
