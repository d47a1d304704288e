"""CPU time that the context coordinator adds to a request, by the length of the conversation.

    python benchmarks/context_speed.py

Prints, for 100 to 30,000 messages of about 50 tokens, the median of the CPU milliseconds of `prepare()` with nothing to
compact, of a whole turn (begin, two messages, prepare, commit), and of opening such a session from its operations.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import Callable

from victor_nb.agent.coordinators import ContextCoordinator
from victor_nb.context.conversation import Conversation
from victor_nb.messages import Message

WORDS = "the river was 12.5 m wide and the bridge_2 held 340 kg under every load that we tried before noon " * 2


def ms(action: Callable[[], object], times: int) -> float:
    spent: list[float] = []
    for _ in range(times):
        began = time.process_time()
        action()
        spent.append(1000 * (time.process_time() - began))
    return statistics.median(spent)


def measure(length: int) -> tuple[float, float, float]:
    coordinator = ContextCoordinator()
    conversation = coordinator.conversation("s")
    loop = asyncio.new_event_loop()

    def prepare() -> None:
        request = coordinator.prepare(
            "s",
            system="Be brief.",
            tools=(),
            window=10**9,
            threshold=0.8,
            target=0.4,
            reserved_output=4096,
            model_key="m",
        )
        loop.run_until_complete(request)

    def turn(number: int = 0, *, asked: bool = True) -> None:
        conversation.begin_turn(f"turn {number}", f"cell {number}", "1")
        conversation.append(Message("user", f"Question {number}?"))
        if asked:
            prepare()
        conversation.append(Message("assistant", WORDS))
        conversation.commit_turn()

    for number in range(length // 2):
        turn(number, asked=False)
    prepare()
    prepared = ms(prepare, 50)
    numbers = iter(range(length, length + 50))
    whole = ms(lambda: turn(next(numbers)), 50)
    operations = json.loads(json.dumps(conversation.operations()))
    opened = ms(lambda: Conversation("s").replay(operations), 1)
    loop.close()
    return prepared, whole, opened


if __name__ == "__main__":
    print(f"{'messages':>9} {'prepare ms':>11} {'turn ms':>9} {'open ms':>9}")
    for length in (100, 1_000, 10_000, 30_000):
        print("{:>9,} {:>11.3f} {:>9.3f} {:>9.0f}".format(length, *measure(length)))
