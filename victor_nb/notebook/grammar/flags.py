"""The flags of a `%%victor` cell: one table from which the parser, the help and the completion are made.

A new flag is an entry of `FLAGS` and a field of `CellOptions`. `read` checks a value before anything is sent.
"""

from __future__ import annotations

import keyword
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from victor_nb.errors import UsageError, did_you_mean
from victor_nb.notebook.grammar.line_secrets import refuse_random

if TYPE_CHECKING:
    from victor_nb.messages import JsonValue

FORMATS: Final = ("markdown", "text", "code", "json")
BOOLS: Final = ("true", "false")
EFFORTS: Final = (*BOOLS, "minimal", "low", "medium", "high", "xhigh", "max")
TIERS: Final = ("auto", "default", "flex", "priority")


@dataclass(frozen=True)
class CellOptions:
    """The flags of one question; each has the value here unless it was given."""

    model: str | None = None
    session: str | None = None
    output: str | None = None
    schema: str | None = None
    tools: tuple[str, ...] = ()
    tags: Mapping[str, JsonValue] = field(default_factory=dict[str, "JsonValue"])
    format: str = FORMATS[0]
    code: bool = False
    system: str | None = None
    settings: Mapping[str, JsonValue] = field(default_factory=dict[str, "JsonValue"])
    budget: float | None = None
    dry_run: bool = False
    raw: bool = False
    quiet: bool = False
    verbose: bool = False

    def verbosity(self, setting: str) -> str:
        """A flag wins over the setting of that name."""
        return "quiet" if self.quiet else "detailed" if self.verbose else setting


def as_written(value: Any) -> Any:
    return value


@dataclass(frozen=True)
class Flag:
    """`field` is that of `CellOptions`. Without a `metavar` it takes no value; `many` may be given several times, and
    `read` then gets the list. `values` names what completion offers for the value.

    `read` raises UsageError for a value that cannot be used. A setting of the model's, named by `field`, is put into
    `CellOptions.settings`.
    """

    field: str
    names: tuple[str, ...]
    help: str
    metavar: str | None = None
    read: Callable[[Any], Any] = as_written
    many: bool = False
    values: str = ""
    is_setting: bool = False

    def options(self) -> dict[str, Any]:
        """As argparse takes them; a flag that was not given is None there."""
        if self.metavar is None:
            return {"dest": self.field, "help": self.help, "action": "store_true", "default": None}
        action = "append" if self.many else "store"
        return {"dest": self.field, "help": self.help, "action": action, "metavar": self.metavar}


def _variable(name: str) -> str:
    if not name.isidentifier() or keyword.iskeyword(name):
        raise UsageError(f"%%victor: {name!r} is not a variable name.", hint="as in -o answer")
    return name


def _listed(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _tags(words: list[str]) -> dict[str, JsonValue]:
    from victor_nb.agent.tags import parse_tags

    return parse_tags(words)


def _format(name: str) -> str:
    if name not in FORMATS:
        raise UsageError(
            f"%%victor: -f is {', '.join(FORMATS[:-1])} or {FORMATS[-1]}, not {name!r}.{did_you_mean(name, FORMATS)}",
            hint="see %%victor?",
        )
    return name


def _model(name: str) -> str:
    refuse_random("%%victor", [name])
    return name


def _dollars(text: str) -> float:
    try:
        found = float(text.removeprefix("$"))
    except ValueError:
        found = 0.0
    if 0 < found < float("inf"):
        return found
    raise UsageError(f"%%victor: --budget {text}: it must be US dollars above 0.", hint="as in --budget 0.05")


def _setting(name: str, help: str, metavar: str, values: str = "") -> Flag:
    flag = f"--{name.replace('_', '-')}"

    def read(text: str) -> Any:
        from victor_nb.agent.model_settings import read_setting

        try:
            return read_setting(name, text)
        except UsageError as error:
            raise UsageError(f"%%victor: {flag} {text}: {error.message}", hint="see %%victor?") from None

    return Flag(name, (flag,), help, metavar, read, values=values, is_setting=True)


FLAGS: Final[tuple[Flag, ...]] = (
    Flag(
        "model", ("-m", "--model"), "the model of this cell, as openai:gpt-5 or demo", "MODEL", _model, values="model"
    ),
    Flag("session", ("-s", "--session"), "the conversation that this cell belongs to", "NAME", values="session"),
    Flag(
        "output",
        ("-o", "--output"),
        "bind the answer (a ChatResponse) to this variable",
        "NAME",
        _variable,
        values="variable",
    ),
    Flag(
        "schema",
        ("--schema",),
        "a pydantic class or another type of the notebook; the answer's .value is an object of it",
        "TYPE",
        values="type",
    ),
    Flag("tools", ("--tools",), "functions of the notebook that it may call", "F,G", _listed, values="function"),
    Flag("tags", ("--tag",), "a tag of this turn, may be repeated", "NAME=VALUE", _tags, many=True),
    Flag(
        "format",
        ("-f", "--format"),
        "how the answer is shown: markdown, text (as written), code (its code blocks) or json",
        "FORMAT",
        _format,
        values="format",
    ),
    Flag("code", ("--code",), "put the answer's Python code into the next cell, without running it"),
    Flag("system", ("--system",), "is added to the system prompt of this turn", "TEXT"),
    _setting("temperature", "from 0 to 2: how much chance there is in the answer", "NUMBER"),
    _setting("max_tokens", "the most tokens of an answer", "COUNT"),
    _setting("top_p", "above 0 to 1: of which share of likely words one is drawn", "NUMBER"),
    _setting("top_k", "from how many likely words one is drawn", "COUNT"),
    _setting("seed", "a whole number: the same one gives about the same answer", "NUMBER"),
    _setting("timeout", "seconds until a request is given up", "SECONDS"),
    _setting(
        "thinking", "how much it reasons: true, false, minimal, low, medium, high, xhigh, max", "EFFORT", "effort"
    ),
    _setting("presence_penalty", "from -2 to 2: against what was said already", "NUMBER"),
    _setting("frequency_penalty", "from -2 to 2: against what was said often", "NUMBER"),
    _setting("parallel_tool_calls", "true or false: several calls in one answer", "BOOL", "bool"),
    _setting("service_tier", "auto, default, flex or priority", "TIER", "tier"),
    Flag(
        "budget",
        ("--budget",),
        "what this turn may cost, in US dollars",
        "USD",
        _dollars,
    ),
    Flag("dry_run", ("--dry-run",), "show what would be sent, its tokens and its price, and send nothing"),
    Flag("raw", ("--raw",), "send the text as it is: {{ expressions }} are not replaced by their values"),
    Flag("quiet", ("-q", "--quiet"), "no footer under the answer"),
    Flag("verbose", ("-v", "--verbose"), "a footer that also tells requests, tool calls, context and session"),
)
