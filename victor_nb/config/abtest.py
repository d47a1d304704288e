"""Configuration by experiment: each session gets that of the variants it is assigned to, always the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, cast

from victor_nb.config.experiments import Experiment, Unit, Variant, check_unit
from victor_nb.config.merge import Path, deep_merge, dotted, leaves
from victor_nb.errors import ConfigError


class ABTestConfigProvider:
    """Deals sessions to the variants of `experiments` and gives each the config of its variants.

    What a session was dealt is on record: every turn has a tag with the experiment's name and the variant's as value.

    Args:
        experiments: one or several, as arguments or a list; no two may set the same key, for then neither would be
            measured.
        unit: what is dealt to, for experiments that do not say so themselves; the session id by default.

    Raises:
        ConfigError: an experiment cannot be used, or two are in each other's way.
    """

    def __init__(self, *experiments: Experiment | Iterable[Experiment], unit: Unit = None, priority: int = 60) -> None:
        check_unit(unit)
        self._experiments = tuple(_flat(experiments))
        self._unit = unit
        self._priority = priority
        _refuse_collisions(self._experiments)

    def priority(self) -> int:
        return self._priority

    def assignments(self, session_id: str) -> dict[str, str]:
        """Experiment → variant, of those that the session takes part in."""
        return {experiment.name: variant.name for experiment, variant in self._dealt(session_id)}

    async def get_config(self, session_id: str) -> dict[str, Any]:
        return deep_merge([variant.config for _, variant in self._dealt(session_id)])

    def _dealt(self, session_id: str) -> Iterator[tuple[Experiment, Variant]]:
        for experiment in self._experiments:
            unit = _unit_of(experiment.unit if experiment.unit is not None else self._unit, session_id, experiment.name)
            if unit is not None and (variant := experiment.variant_of(unit)):
                yield experiment, variant


def _unit_of(unit: Unit, session_id: str, experiment: str) -> str | None:
    if unit is None:
        return session_id
    found = cast("object", unit(session_id)) if callable(unit) else unit
    if not isinstance(found, str | None):
        raise ConfigError(
            f"The unit of experiment {experiment!r} is a {type(found).__name__}, and must be a text or None.",
            hint="Let the function return a str.",
        )
    return found or None


def _flat(given: Iterable[object]) -> Iterator[Experiment]:
    for one in given:
        if isinstance(one, Experiment):
            yield one
        elif isinstance(one, Iterable) and not isinstance(one, str | dict):
            yield from _flat(one)  # pyright: ignore[reportUnknownArgumentType]
        else:
            raise ConfigError(
                f"{one!r} is no experiment.", hint='As in Experiment("tone", {"formal": {…}, "plain": {…}}).'
            )


def _refuse_collisions(experiments: tuple[Experiment, ...]) -> None:
    names = [experiment.name for experiment in experiments]
    if not names:
        raise ConfigError("There is no experiment.", hint='As in ABTestConfigProvider(Experiment("tone", …)).')
    if twice := [name for name in names if names.count(name) > 1]:
        raise ConfigError(f"There are two experiments named {twice[0]!r}.", hint="Names tell them apart.")
    owners: dict[Path, str] = {}
    for experiment in experiments:
        own = {path for arm in experiment.arms for path, _ in leaves(arm.config)}
        for path in own:
            for other, name in owners.items():
                if path[: len(other)] == other or other[: len(path)] == path:
                    raise ConfigError(
                        f"Experiments {name!r} and {experiment.name!r} both set {dotted(path)!r}.",
                        hint="Then neither is measured. Make one experiment of both.",
                    )
        owners |= dict.fromkeys(own, experiment.name)
