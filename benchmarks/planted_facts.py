"""PlantedFacts: what a conversation still knows, and what it costs, when it has to fit a small window.

    python benchmarks/planted_facts.py [--seeds 5] [--dialects prose,pairs] [--strategies digest,hybrid]
    python benchmarks/planted_facts.py --careless     # strategies that do everything wrong
    python benchmarks/planted_facts.py --speed        # CPU per request, by the length of the conversation

60 turns, of which three in four call one or two tools with results of 150 to 700 words; 120 facts (35 % in the user's
text, 25 % in the assistant's, 40 % in results), 15 % of them overwritten later, a goal and a rule at the start; 8,000
tokens to stay within. Before each request the coordinator is asked what to send. A fact is recalled when, at the end,
its latest value stands near to what it is about.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial

from _harness import table
from _planted_dialects import DIALECTS
from _planted_players import CARELESS, FullHistory, PerfectSummariser, Victor, careless_name
from _planted_replay import Player, Score, replay
from _planted_stream import Recipe, Stream, make_stream

from victor_nb.context.builtin import strategy_named
from victor_nb.messages import Message, new_id

BUDGET = 8_000
NAMES = ("digest", "recent", "semantic", "task_aware", "hybrid", "summarizing")
HEAD = (
    "strategy",
    "stream",
    "recall",
    "least",
    "user",
    "assistant",
    "tool",
    "rule",
    "stale",
    "over",
    "invalid",
    "failed",
    "cached",
    "cost",
    "CPU ms/req",
)


def player(name: str, stream: Stream) -> Player:
    if name == "full":
        return FullHistory()
    summariser = PerfectSummariser(stream.planted) if name == "summarizing" else None
    return Victor(name, strategy_named(name), BUDGET, summariser)


async def play(make: Callable[[Stream], Player], recipes: Sequence[Recipe]) -> list[Score]:
    scores: list[Score] = []
    for recipe in recipes:
        stream = make_stream(recipe)
        scores.append(await replay(stream, make(stream), BUDGET))
    return scores


def row(name: str, stream: str, scores: Sequence[Score]) -> list[object]:
    def mean(values: Sequence[float]) -> float:
        return statistics.mean(values)

    def by(origin: str) -> str:
        found = sum(score.recalled.get(origin, (0, 0))[0] for score in scores)
        return f"{100 * found / max(1, sum(score.recalled.get(origin, (0, 0))[1] for score in scores)):.0f}"

    return [
        name,
        stream,
        f"{100 * mean([score.recall for score in scores]):.1f}",
        f"{100 * min(score.recall for score in scores):.1f}",
        *(by(origin) for origin in ("user", "assistant", "tool")),
        "yes" if all(score.rule_kept for score in scores) else "NO",
        sum(score.stale for score in scores),
        sum(score.over_budget for score in scores),
        sum(score.invalid for score in scores),
        sum(score.failed for score in scores),
        f"{100 * mean([score.cached / max(1, score.tokens) for score in scores]):.0f} %",
        f"{mean([score.cost for score in scores]):.0f}",
        f"{mean([1000 * score.cpu_s / score.requests for score in scores]):.1f}",
    ]


def variants(dialects: Sequence[str], seeds: int, *, long: bool) -> dict[str, list[Recipe]]:
    """Streams by a name for the table. The long ones have four times the turns and facts."""
    found: dict[str, list[Recipe]] = {}
    for dialect in dialects:
        found[f"{dialect}, clean"] = [Recipe(seed, dialect=dialect) for seed in range(seeds)]
        found[f"{dialect}, 15 % numbers"] = [Recipe(seed, dialect=dialect, noise=0.15) for seed in range(seeds)]
    if "mixed" in dialects:
        found["mixed, rich words"] = [Recipe(seed, rich=True) for seed in range(seeds)]
        found["mixed, rich, 15 % numbers"] = [Recipe(seed, rich=True, noise=0.15) for seed in range(seeds)]
        found["mixed, rich, 15 % ids"] = [
            Recipe(seed, rich=True, noise=0.15, identifiers=True) for seed in range(seeds)
        ]
    if long:
        found["mixed, 240 turns"] = [Recipe(seed, turns=240, facts=240) for seed in range(seeds)]
        found["prose, 240 turns"] = [Recipe(seed, turns=240, facts=240, dialect="prose") for seed in range(seeds)]
    return found


async def compare(names: Sequence[str], dialects: Sequence[str], seeds: int, *, long: bool) -> None:
    rows = [
        row(name, title, await play(partial(player, name), recipes))
        for title, recipes in variants(dialects, seeds, long=long).items()
        for name in names
    ]
    table(f"PlantedFacts, {seeds} seeds a stream", HEAD, rows)


async def careless(seeds: int) -> None:
    rows: list[list[object]] = []
    for kind in CARELESS:
        name = careless_name(kind)
        recipes = [Recipe(seed) for seed in range(seeds)]
        rows.append(
            row(name, "mixed", await play(lambda _, kind=kind, name=name: Victor(name, kind(), BUDGET), recipes))
        )
    table("Strategies that do it wrong: over budget, invalid and failed must be 0", HEAD, rows)


async def speed() -> None:
    """CPU of one `append` and one `prepare`, that compacts nothing, in conversations of 100 to 10,000 messages."""
    rows: list[list[object]] = []
    for length in (100, 1_000, 10_000):
        keeper = Victor("digest", strategy_named("digest"), 50_000_000)
        for number in range(length):
            await keeper.add(Message("assistant" if number % 2 else "user", f"message {number} of the lot " * 10))
        await keeper.prepare()
        took: list[float] = []
        for number in range(200):
            await keeper.add(Message("assistant" if number % 2 else "user", f"another one {new_id()} " * 10))
            began = time.process_time()
            await keeper.prepare()
            took.append(1000 * (time.process_time() - began))
        rows.append([f"{length:,}", f"{statistics.median(took):.3f}", f"{max(took):.3f}"])
    table("CPU ms per request without a compaction", ("messages", "median", "most"), rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--dialects", default="mixed,prose", help=f"of {', '.join(DIALECTS)}; or all")
    parser.add_argument("--strategies", default=",".join(NAMES), help=f"of full, {', '.join(NAMES)}")
    parser.add_argument("--long", action="store_true", help="240 turns as well")
    parser.add_argument("--careless", action="store_true")
    parser.add_argument("--speed", action="store_true")
    chosen = parser.parse_args()
    logging.getLogger("victor_nb").setLevel(logging.ERROR)
    if chosen.speed:
        asyncio.run(speed())
    elif chosen.careless:
        asyncio.run(careless(chosen.seeds))
    else:
        dialects = list(DIALECTS) if chosen.dialects == "all" else chosen.dialects.split(",")
        asyncio.run(compare(chosen.strategies.split(","), dialects, chosen.seeds, long=chosen.long))


if __name__ == "__main__":
    main()
