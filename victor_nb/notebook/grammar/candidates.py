"""What may stand at a place of the grammar: flags and verbs from their tables, and the values that they take.

Names of the notebook are looked up as they are now. What takes a file, a library or a socket comes from `Lately`.
"""

from __future__ import annotations

import builtins
import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from inspect import getattr_static
from typing import TYPE_CHECKING, Any, Final, cast

from victor_nb.notebook.grammar.cursor import Place
from victor_nb.notebook.grammar.flags import BOOLS, EFFORTS, FLAGS, FORMATS, TIERS, Flag
from victor_nb.notebook.grammar.lately import Lately
from victor_nb.notebook.grammar.setting_names import SETTINGS
from victor_nb.notebook.grammar.verb_table import FOLLOWING, VERBS
from victor_nb.notebook.kernel.namespace import namespace_of

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_BY_NAME: Final = {name: flag for flag in FLAGS for name in flag.names}


@dataclass(frozen=True)
class Offer:
    """The texts that may take the place of `fragment`; `kind` is what front ends show beside them. Unless it is `open`
    nothing else fits there, so that nobody else need be asked."""

    fragment: str
    texts: Sequence[str]
    kind: str
    open: bool = False


class Candidates:
    """For one shell."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._values: dict[str, Callable[[], Iterable[str]]] = {
            "model": Lately(_models, _USUAL_MODELS, fresh_s=60.0).get,
            "session": Lately(_sessions).get,
            "setting": lambda: SETTINGS,
            "column": Lately(_columns, fresh_s=3600.0).get,
            "variable": lambda: namespace_of(shell),
            "function": self._functions,
            "type": self._types,
            "format": lambda: FORMATS,
            "effort": lambda: EFFORTS,
            "bool": lambda: BOOLS,
            "tier": lambda: TIERS,
            "verb": lambda: VERBS,
        }

    def at(self, place: Place) -> Offer:
        if place.kind == "expression":
            return self._names(place.fragment)
        if place.kind == "cell":
            return self._flags(place)
        return self._after_verb(place) if place.words else _matching(place.fragment, VERBS, "keyword")

    def _flags(self, place: Place) -> Offer:
        """A flag, or the value of the one before."""
        name, equals, value = place.fragment.partition("=")
        if equals and name in _BY_NAME:
            return self._of_flag(_BY_NAME[name], value)
        last = _BY_NAME.get(place.words[-1]) if place.words else None
        if last and last.metavar:
            return self._of_flag(last, place.fragment)
        return _matching(place.fragment, _unused(place), "param")

    def _of_flag(self, flag: Flag, fragment: str) -> Offer:
        values = self._values.get(flag.values)
        if flag.values == "function":  # several, with commas between them
            fragment = fragment.rpartition(",")[2]
        return _matching(fragment, values() if values else (), flag.values)

    def _after_verb(self, place: Place) -> Offer:
        verb, *more = place.words
        inner = f"{verb} {more[0]}" if more else verb
        following = FOLLOWING.get(inner, () if more and verb in _SINGLE else FOLLOWING.get(verb, ()))
        if "<flag>" in following and (place.fragment.startswith("-") or _takes_value(more)):
            return self._flags(place)
        texts = [text for word in following if word not in more for text in self._meant(word)]
        return replace(_matching(place.fragment, texts, "keyword"), open="<path>" in following)

    def _meant(self, word: str) -> Iterable[str]:
        """What a word in angle brackets stands for."""
        if not word.startswith("<"):
            return (word,)
        values = self._values.get(word.strip("<>"))
        return values() if values else ()

    def _functions(self) -> Iterator[str]:
        return (name for name, value in namespace_of(self._shell).items() if _is_tool(value))

    def _types(self) -> Iterator[str]:
        from victor_nb.notebook.grammar.schemas import types_in

        return types_in(namespace_of(self._shell))

    def _names(self, fragment: str) -> Offer:
        """Names, or attributes, without calling anything: IPython evaluates only what has no effect."""
        shell = cast("Any", self._shell)
        if "." in fragment:
            return Offer(fragment, shell.Completer.attr_matches(fragment), "instance", open=True)
        names = [name for name in shell.user_ns if not name.startswith("_") or fragment.startswith("_")]
        own = _matching(fragment, namespace_of(self._shell) | dict.fromkeys(names), "instance")
        found = own if own.texts or not fragment else _matching(fragment, dir(builtins), "function")
        return replace(found, open=True)


_USUAL_MODELS: Final = ("anthropic", "openai", "google", "ollama", "demo")
"""Names that mean a model, offered while the others are fetched: their list is in a package that is heavy to import."""

_SINGLE: Final = frozenset({"use", "cassette", "config", "help"})
"""Verbs after whose first word there is nothing more."""


def _matching(fragment: str, texts: Iterable[str], kind: str) -> Offer:
    """Those that begin so, whatever the case; if there are none, those that hold it."""
    known = list(texts)
    small = fragment.lower()
    found = [text for text in known if text.lower().startswith(small)]
    return Offer(fragment, found or [text for text in known if small in text.lower()], kind)


def _unused(place: Place) -> Iterator[str]:
    """Long names, and with a single dash all, of the flags that may still come."""
    given = {_BY_NAME[word].field for word in place.words if word in _BY_NAME and not _BY_NAME[word].many}
    for flag in FLAGS:
        if flag.field not in given:
            yield from flag.names if place.fragment == "-" else flag.names[-1:]


def _takes_value(words: Sequence[str]) -> bool:
    return bool(words) and words[-1] in _BY_NAME and _BY_NAME[words[-1]].metavar is not None


def _is_tool(value: object) -> bool:
    """A function, or a source of tools; `hasattr` would run code of an object that makes its attributes up."""
    is_source = getattr_static(value, "same_as", None) is not None
    return is_source or (callable(value) and not isinstance(value, type))


def _models() -> list[str]:
    from victor_nb.models.catalog import PROVIDERS
    from victor_nb.models.keys import environment
    from victor_nb.models.known import known_models

    defaults = [f"{one.name}:{one.default_model}" for one in PROVIDERS.values() if one.default_model]
    known = [*defaults, *(model.name for model in known_models(environment()))]
    return [*_USUAL_MODELS, *dict.fromkeys(name for name in known if not name.startswith("demo"))]


def _sessions() -> list[str]:
    from victor_nb.session import current
    from victor_nb.store.sessions import ISessionStore

    store = current().store
    names = (saved.session_id for saved in store.saved_sessions()) if isinstance(store, ISessionStore) else ()
    return [shlex.quote(name) for name in names]


def _columns() -> list[str]:
    from victor_nb.frames.columns import TURNS

    return [column.name for column in TURNS]
