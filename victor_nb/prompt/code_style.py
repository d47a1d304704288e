"""How the Python code of the answers is to be written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from typing import Final, Literal

from victor_nb.errors import ConfigError, did_you_mean
from victor_nb.prompt.base import BasePromptContributor
from victor_nb.prompt.formatter_rules import FormatterRules, ProjectRules
from victor_nb.protocols import PromptContext

PROJECT: Final = "project"
STYLES: Final[Mapping[str, tuple[str, FormatterRules]]] = {
    "pep8": ("Follow PEP 8.", FormatterRules(line_length=79, indent=4)),
    "google": ("Follow the Google Python style guide.", FormatterRules(80, docstrings="google", indent=4)),
    "numpy": ("Follow PEP 8 and numpydoc.", FormatterRules(79, docstrings="numpy", indent=4)),
    "black": ("Format as Black does.", FormatterRules(88, "double", indent=4)),
    "ruff": ("Format as Ruff does.", FormatterRules(88, "double", indent=4)),
    PROJECT: ("", FormatterRules()),
}
"""Name → the sentence it stands for, and what follows from it."""


class CodeStylePromptContributor(BasePromptContributor):
    """Says how code is written. What is given here goes before what the project says, and that before the style.

    Args:
        style: `pep8`, `google`, `numpy`, `black`, `ruff`; `project`, which is `from_project`; or a text of your own.
        line_length: the most characters of a line.
        quotes: of strings.
        typed: whether functions have type hints.
        docstrings: their convention, as `google` or `numpy`.
        prefer: libraries to use; in a mapping, each in place of another: `{"pandas": "polars"}`.
        from_project: whether to read `[tool.ruff]` or `[tool.black]` of the nearest pyproject.toml, at every turn.

    Raises:
        ConfigError: a value cannot be used.
    """

    def __init__(
        self,
        style: str | None = None,
        *,
        line_length: int | None = None,
        quotes: Literal["single", "double"] | None = None,
        typed: bool | None = None,
        docstrings: str | None = None,
        prefer: Sequence[str] | Mapping[str, str] = (),
        from_project: bool = False,
        priority: int = 80,
    ) -> None:
        self._sentence, self._usual = _style(style)
        self._project = ProjectRules() if from_project or style == PROJECT else None
        self._given = FormatterRules(_checked_length(line_length), _checked_quotes(quotes), typed, docstrings)
        self._prefer = _preferences(prefer)
        self._priority = priority

    def priority(self) -> int:
        return self._priority

    def contribute(self, context: PromptContext) -> str:
        rules = self._usual
        for stronger in (self._project.read() if self._project else FormatterRules(), self._given):
            told = {field.name: getattr(stronger, field.name) for field in fields(stronger)}
            rules = replace(rules, **{name: value for name, value in told.items() if value is not None})
        lines = [line for line in (self._sentence, *_lines(rules), *self._prefer) if line]
        return "\n".join(["Python code that you write:", *(f"- {line}" for line in lines)]) if lines else ""


def _style(style: str | None) -> tuple[str, FormatterRules]:
    if style is None:
        return "", FormatterRules()
    if not isinstance(style, str) or not style.strip():  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigError(f"A code style is a name or a text, not {style!r}.", hint=f"Names: {', '.join(STYLES)}.")
    name = style.strip().lower().replace("-", "").replace("_", "")
    if name in STYLES:
        return STYLES[name]
    if len(style.split()) == 1:
        nearest = did_you_mean(name, STYLES)
        raise ConfigError(f"There is no code style {style!r}.{nearest}", hint=f"Names: {', '.join(STYLES)}; or a text.")
    return style.strip(), FormatterRules()


def _lines(rules: FormatterRules) -> Iterator[str]:
    if rules.line_length:
        yield f"Lines of at most {rules.line_length} characters."
    if rules.indent:
        yield "Indent with tabs." if rules.indent == "tab" else f"Indent by {rules.indent} spaces."
    if rules.quotes:
        yield f"Strings in {rules.quotes} quotes."
    if rules.typed is not None:
        yield "Type hints on every function." if rules.typed else "No type hints."
    if rules.docstrings:
        yield f"Docstrings in the {rules.docstrings} convention."
    if rules.python:
        yield f"It must run on Python {rules.python}."


def _preferences(prefer: Sequence[str] | Mapping[str, str]) -> tuple[str, ...]:
    if isinstance(prefer, Mapping):
        return tuple(f"Use {wanted} rather than {unwanted}." for unwanted, wanted in prefer.items())
    names = (prefer,) if isinstance(prefer, str) else tuple(prefer)
    return (f"Prefer these libraries: {', '.join(names)}.",) if names else ()


def _checked_length(length: int | None) -> int | None:
    if length is not None and (isinstance(length, bool) or not isinstance(length, int) or not 20 <= length <= 400):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigError(f"line_length is {length!r}, and must be a whole number from 20 to 400.")
    return length


def _checked_quotes(quotes: str | None) -> str | None:
    if quotes not in (None, "single", "double"):
        nearest = did_you_mean(str(quotes), ("single", "double"))
        raise ConfigError(f"quotes is {quotes!r}, and must be 'single' or 'double'.{nearest}")
    return quotes
