"""A/B tests: the same everywhere, in the shares asked for, and moving nobody without need."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from victor_nb.agent.coordinators import ConfigCoordinator
from victor_nb.config import ABTestConfigProvider, Experiment, Variant
from victor_nb.errors import ConfigError

SESSIONS = [f"session {number}" for number in range(4000)]
names = st.text(min_size=1, max_size=8).filter(lambda name: name == name.strip())
weights = st.dictionaries(names, st.floats(0.1, 10), min_size=2, max_size=5)


def dealt(experiment: Experiment, sessions: list[str] = SESSIONS) -> dict[str, str | None]:
    provider = ABTestConfigProvider(experiment)
    return {session: provider.assignments(session).get(experiment.name) for session in sessions}


def weighted(given: dict[str, float], **options: Any) -> Experiment:
    return Experiment("x", [Variant(name, {}, weight) for name, weight in given.items()], **options)


async def test_a_session_has_the_config_of_its_variants() -> None:
    tone = Experiment("tone", {"formal": {"style": {"tone": "formal"}}, "plain": {}})
    heat = Experiment("heat", [Variant("cool", {"temperature": 0.1}, 1), Variant("hot", {"temperature": 1.2}, 1)])
    provider = ABTestConfigProvider(tone, heat)
    for session in SESSIONS[:20]:
        variants = provider.assignments(session)
        config = await provider.get_config(session)
        assert config["temperature"] == {"cool": 0.1, "hot": 1.2}[variants["heat"]]
        assert ("style" in config) == (variants["tone"] == "formal")


def test_shares_are_those_of_the_weights_and_experiments_are_independent() -> None:
    counts = Counter(dealt(weighted({"a": 1, "b": 3, "c": 0})).values())
    assert counts["b"] / len(SESSIONS) == pytest.approx(0.75, abs=0.03)
    assert counts["c"] == 0
    one, two = dealt(weighted({"a": 1, "b": 1})), dealt(Experiment("y", {"a": {}, "b": {}}))
    assert sum(one[session] == two[session] for session in SESSIONS) / len(SESSIONS) == pytest.approx(0.5, abs=0.04)


def test_a_restart_changes_nothing() -> None:
    script = """
import json, sys
from victor_nb.config import ABTestConfigProvider, Experiment, Variant
variants = [Variant(name, {}, weight) for name, weight in reversed([("a", 1), ("b", 2), ("ü", 0.5)])]
provider = ABTestConfigProvider(Experiment("x", variants, share=0.9))
print(json.dumps([provider.assignments(f"session {n}").get("x") for n in range(200)]))
"""
    answers = [
        json.loads(subprocess.check_output([sys.executable, "-c", script], env={"PYTHONHASHSEED": seed}, text=True))
        for seed in ("1", "2")
    ]
    here = dealt(weighted({"a": 1, "b": 2, "ü": 0.5}, share=0.9), [f"session {n}" for n in range(200)])
    assert answers[0] == answers[1] == list(here.values())
    assert {"a", "b", "ü", None} == set(answers[0])


def test_the_assignment_is_pinned() -> None:
    """Another result here means that everybody's running experiments are dealt anew."""
    variants = dealt(weighted({"a": 1, "b": 1, "c": 2}), SESSIONS[:24]).values()
    assert "".join(map(str, variants)) == "bbcacccbcabbabacbacccaca"


@settings(max_examples=40)
@given(weights, st.data())
def test_a_weight_that_is_raised_draws_units_to_its_variant_alone(given: dict[str, float], data: Any) -> None:
    raised = data.draw(st.sampled_from(sorted(given)))
    before = dealt(weighted(given), SESSIONS[:25])
    after = dealt(weighted({**given, raised: given[raised] * 2}), SESSIONS[:25])
    assert all(after[session] in (before[session], raised) for session in before)
    scaled = {name: weight * 2 for name, weight in reversed(given.items())}
    assert dealt(weighted(scaled), SESSIONS[:25]) == before


def test_as_few_units_move_as_can() -> None:
    before, after = dealt(weighted({"a": 5, "b": 3, "c": 2})), dealt(weighted({"a": 5, "b": 3, "c": 4}))
    moved = sum(before[session] != after[session] for session in SESSIONS) / len(SESSIONS)
    assert moved == pytest.approx(4 / 12 - 2 / 10, abs=0.02)  # just what the share of c grows by


def test_a_share_that_is_raised_only_adds() -> None:
    some, more = dealt(weighted({"a": 1, "b": 1}, share=0.2)), dealt(weighted({"a": 1, "b": 1}, share=0.5))
    assert all(more[session] == variant for session, variant in some.items() if variant)
    assert sum(variant is not None for variant in more.values()) / len(SESSIONS) == pytest.approx(0.5, abs=0.03)
    assert set(dealt(weighted({"a": 1}, share=0)).values()) == {None}


def test_who_is_excluded_takes_no_part() -> None:
    provider = ABTestConfigProvider(
        weighted({"a": 1}, exclude=["vip"]),
        Experiment("y", {"a": {}}, exclude=lambda unit: unit.startswith("test")),
        Experiment("z", {"a": {}}, unit=lambda session: None),
    )
    assert provider.assignments("vip") == {"y": "a"}
    assert provider.assignments("test 1") == {"x": "a"}


def test_what_is_dealt_to_may_be_a_person() -> None:
    arms = {"a": {}, "b": {}}
    mine = ABTestConfigProvider(
        Experiment("x", arms), Experiment("y", arms, unit=lambda s: s.split("/")[0]), unit="ada"
    )
    assert len({mine.assignments(session)["x"] for session in SESSIONS[:50]}) == 1
    assert len({mine.assignments(f"ada/{number}")["y"] for number in range(50)}) == 1


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: Variant("a", {}, -1), r"weight of variant 'a' is -1, and must be a finite number from 0"),
        (lambda: Variant("a", {}, float("nan")), "must be a finite number"),
        (lambda: Variant("a", {}, True), "must be a finite number"),
        (lambda: Variant(" a"), "cannot be the name of a variant"),
        (lambda: weighted({"a": 0, "b": 0}), "all weights are 0"),
        (lambda: Experiment("x", []), "needs a list of Variant"),
        (lambda: Experiment("x", [Variant("a"), Variant("a")]), "two variants named 'a'"),
        (lambda: Experiment("", {"a": {}}), "cannot be the name of an experiment"),
        (lambda: weighted({"a": 1}, share=1.5), r"share of experiment 'x' is 1.5, and must be a number from 0 to 1"),
        (lambda: weighted({"a": 1}, exclude="vip"), "excludes nothing"),
        (lambda: weighted({"a": 1}, unit=7), "unit is 7"),
        (ABTestConfigProvider, "There is no experiment"),
        (lambda: ABTestConfigProvider({"a": 1}), "is no experiment"),
        (lambda: ABTestConfigProvider([weighted({"a": 1}), weighted({"b": 1})]), "two experiments named 'x'"),
        (
            lambda: ABTestConfigProvider(Experiment("x", {"a": {"s": {"t": 1}}}), Experiment("y", {"a": {"s": 2}})),
            "'x' and 'y' both set 's'",
        ),
    ],
)
def test_what_cannot_be_is_refused_at_once(make: Any, match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        make()


def test_the_coordinator_gathers_assignments_and_a_broken_one_stops_nothing() -> None:
    class Broken:
        def assignments(self, session_id: str) -> dict[str, str]:
            raise KeyError(session_id)

        def get_config(self, session_id: str) -> dict[str, Any]:
            return {}

    good = ABTestConfigProvider(Experiment("x", {"a": {}}))
    with pytest.warns(UserWarning, match=r"Broken\.assignments failed: KeyError"):
        assert ConfigCoordinator([Broken(), good]).assignments("s") == {"x": "a"}
