"""The grammar of `%victor` and `%%victor`: flags and verbs, with an error that helps for everything else."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from typing import Any, NoReturn

from victor_nb.errors import UsageError, did_you_mean
from victor_nb.notebook.grammar.flags import FLAGS, CellOptions
from victor_nb.notebook.grammar.line_secrets import refuse_keys
from victor_nb.notebook.grammar.verb_table import VERBS


class _Parser(argparse.ArgumentParser):
    hint = "see %%victor?"

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{self.prog}: {message}.", hint=self.hint)


def _cell_parser(prog: str = "%%victor") -> _Parser:
    parser = _Parser(
        prog=prog,
        add_help=False,
        allow_abbrev=False,
        description="Send the text of this cell to the model; the answer streams in below.",
    )
    setattr(parser, "color", False)  # noqa: B010 (new in Python 3.14, which would put escape sequences into the help)
    for flag in FLAGS:
        parser.add_argument(*flag.names, **flag.options())
    return parser


def cell_help() -> str:
    """What `%%victor?` shows."""
    return f"{_cell_parser().format_help()}\n{line_help()}"


def line_help() -> str:
    return "\n".join(["%victor VERB", *(f"  {text}" for text in VERBS.values())])


def _words(magic: str, line: str) -> list[str]:
    refuse_keys(magic, line)
    try:
        return shlex.split(line)
    except ValueError:
        raise UsageError(f"{magic}: a quotation mark is missing in {line.strip()!r}.", hint="close it") from None


def parse_cell_line(line: str) -> CellOptions:
    """
    Raises:
        UsageError: a flag is unknown or has no value, or something else stands on the line.
        KeyOnLineError: a key stands on it.
    """
    options, rest = take_flags("%%victor", _words("%%victor", line))
    if rest:
        raise UsageError(
            f"%%victor: {rest[0]!r} stands on the first line.", hint="write the question on the lines below it"
        )
    return options


def take_flags(prog: str, words: Sequence[str]) -> tuple[CellOptions, list[str]]:
    """The flags of a question among `words`, for whatever asks one, and the words that are none.

    Raises:
        UsageError: a flag is unknown, or its value is missing or cannot be used.
    """
    found, rest = _cell_parser(prog).parse_known_args(list(words))
    for word in rest:
        if word.startswith("-"):
            known = [name for flag in FLAGS for name in flag.names]
            raise UsageError(f"{prog}: no flag {word!r}.{did_you_mean(word, known)}", hint="see %%victor?")
    given = {flag: value for flag in FLAGS if (value := getattr(found, flag.field)) is not None}
    read = {flag: flag.read(value) for flag, value in given.items()}
    settings = {flag.field: value for flag, value in read.items() if flag.is_setting}
    options = CellOptions(
        **{flag.field: value for flag, value in read.items() if not flag.is_setting}, settings=settings
    )
    if options.quiet and options.verbose:
        raise UsageError(f"{prog}: -q and -v exclude each other.", hint="leave one of them out")
    return options, rest


def _free_words(line: str) -> list[str]:
    """The words of a verb that takes a sentence, where an apostrophe is no quotation mark."""
    words = line.split()
    if not words or words[0] != "explain" or "'" not in line:
        return []
    refuse_keys("%victor", line)
    return words


def parse_verb(line: str) -> tuple[str, list[str]]:
    """The verb of a `%victor` line (`help` if there is none) and the words after it.

    Raises:
        UsageError: the verb is unknown.
        KeyOnLineError: a key stands on the line.
    """
    words = _free_words(line) or _words("%victor", line)
    if not words:
        return "help", []
    verb, *rest = words
    if verb in ("-h", "--help"):
        return "help", rest
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
