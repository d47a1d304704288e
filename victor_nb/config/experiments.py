"""Experiments: which variant a unit is given, by a hash of names alone.

The same names give the same variant in every process, on every machine and in whatever order they are asked. Each
variant draws `-ln(u) / weight`, where `u` between 0 and 1 is made of the SHA-256 of experiment, unit and variant, and
the lowest draw wins (weighted rendezvous hashing). So a variant's share is its weight over the sum of all weights, and
when one weight is raised, units move to that variant only; when one is lowered or a variant is taken out, its own units
only. Neither the order of variants nor what all weights are multiplied by has any effect.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias, cast

from victor_nb.config.merge import copied
from victor_nb.errors import ConfigError

Unit: TypeAlias = str | Callable[[str], str | None] | None
Exclusion: TypeAlias = Collection[str] | Callable[[str], bool]

LONGEST_NAME: Final = 100
"""Names become tags of turns, and these have names of so many characters at most."""


@dataclass(frozen=True)
class Variant:
    """One arm of an experiment. Its share of the units is its `weight` over the sum of all; 0 gives it none.

    Raises:
        ConfigError: the name or the weight cannot be used.
    """

    name: str
    config: Mapping[str, Any] = field(default_factory=dict[str, Any], compare=False)
    weight: float = 1.0

    def __post_init__(self) -> None:
        _check_name("a variant", self.name)
        _check_number(f"The weight of variant {self.name!r}", self.weight, math.inf, "a finite number from 0")
        if not isinstance(self.config, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigError(
                f"The config of variant {self.name!r} is a {type(self.config).__name__}, and must be a dict."
            )
        object.__setattr__(self, "config", copied(dict(self.config)))


@dataclass(frozen=True)
class Experiment:
    """Variants, and who takes part.

    Args:
        name: part of the hash, so another name deals anew. It is the tag that turns carry.
        variants: at least one; a mapping of names to configs gives all the same weight.
        share: of the units, from 0 to 1. Raising it only adds units; those that were in stay, with their variant.
        exclude: units that never take part, or a function that says so of a unit.
        unit: what is dealt to: a function of the session id, whose None takes no part; or a text, which is the same
            for every session, as a person's name; the provider's if left out, and else the session id.

    Raises:
        ConfigError: a value cannot be used.
    """

    name: str
    variants: Sequence[Variant] | Mapping[str, Mapping[str, Any]]
    share: float = 1.0
    exclude: Exclusion = ()
    unit: Unit = None

    def __post_init__(self) -> None:
        _check_name("an experiment", self.name)
        object.__setattr__(self, "variants", _checked_variants(self.name, self.variants))
        _check_number(f"The share of experiment {self.name!r}", self.share, 1, "a number from 0 to 1")
        check_unit(self.unit)
        if isinstance(self.exclude, str):
            raise ConfigError(f"{self.exclude!r} excludes nothing: give a list of units, or a function of a unit.")

    @property
    def arms(self) -> tuple[Variant, ...]:
        return cast("tuple[Variant, ...]", self.variants)

    def variant_of(self, unit: str) -> Variant | None:
        """The variant that this unit is given; None when it takes no part."""
        if self._excludes(unit) or _uniform("share", self.name, unit) >= self.share:
            return None
        drawn = [(-math.log(_uniform("variant", self.name, unit, arm.name)) / arm.weight, arm.name, arm)
                 for arm in self.arms if arm.weight > 0]  # fmt: skip
        return min(drawn, key=lambda draw: draw[:2])[2]

    def _excludes(self, unit: str) -> bool:
        return bool(self.exclude(unit)) if callable(self.exclude) else unit in self.exclude


def _uniform(*names: str) -> float:
    """Above 0 and below 1, of 52 bits: as many as are exact there. JSON keeps ("ab", "c") apart from ("a", "bc")."""
    digest = hashlib.sha256(json.dumps(names).encode("ascii")).digest()
    return ((int.from_bytes(digest[:8], "big") >> 12) + 0.5) / 2**52


def check_unit(unit: object) -> None:
    """Raises ConfigError when it is neither a text that is not empty, nor a function, nor None."""
    if unit is not None and not callable(unit) and not (isinstance(unit, str) and unit):
        raise ConfigError(f"unit is {unit!r}, and must be a text, or a function of the session id.")


def _checked_variants(experiment: str, given: object) -> tuple[Variant, ...]:
    if isinstance(given, Mapping):
        configs = cast("Mapping[str, Mapping[str, Any]]", given)
        variants: tuple[object, ...] = tuple(Variant(name, config) for name, config in configs.items())
    else:
        variants = tuple(cast("Sequence[object]", given)) if isinstance(given, Sequence) else (given,)
    what = f"Experiment {experiment!r}"
    if not variants or not all(isinstance(variant, Variant) for variant in variants):
        raise ConfigError(f"{what} needs a list of Variant(…), or a dict of names to configs.")
    arms = cast("tuple[Variant, ...]", variants)
    if twice := sorted({arm.name for arm in arms if sum(other.name == arm.name for other in arms) > 1}):
        raise ConfigError(f"{what} has two variants named {twice[0]!r}.", hint="Names tell variants apart.")
    if not any(arm.weight > 0 for arm in arms):
        raise ConfigError(f"{what}: all weights are 0.", hint="Give one variant a weight; use share=0 to stop it.")
    return arms


def _check_name(what: str, name: object) -> None:
    if not isinstance(name, str) or not 0 < len(name) <= LONGEST_NAME or name != name.strip():
        raise ConfigError(
            f"{name!r} cannot be the name of {what}.",
            hint=f"Use text of 1 to {LONGEST_NAME} characters, without blanks around.",
        )


def _check_number(what: str, value: object, most: float, allowed: str) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 <= cast("float", value) <= most or math.isinf(cast("float", value)):
        raise ConfigError(f"{what} is {value!r}, and must be {allowed}.")
