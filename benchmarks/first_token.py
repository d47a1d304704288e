"""How long the first piece of an answer is under way: from the server's first byte to `on_chunk`, p50 and p95 in ms,
against plain `httpx` reading the same stream to its first line.

The server, a process of its own, writes its clock into the first chunk; the monotonic clock is the same in both
processes on Linux. Turns of both alternate. Target: at most 20 ms.

    python benchmarks/first_token.py            (`--serve` is the server, started by itself)

Measured 2026-11-22, 2 cores, shared: victor_nb p50 2.7 ms, p95 10.8 ms; httpx 1.5 and 1.7.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

from _contenders import MODEL, QUESTION, orchestrator
from _harness import SUPPORT, child_server, percentile, table

TURNS = 200


def serve() -> None:
    """Answer every request with the time, then a few words, until standard input closes."""
    sys.path.insert(0, str(SUPPORT))
    from support.llm_server import LLMServer
    from support.llm_wires import Reply

    class Stamped(tuple[str, ...]):
        __slots__ = ()

        def __iter__(self) -> Iterator[str]:
            yield f"{time.perf_counter()} "
            yield from super().__iter__()

    server = LLMServer(default=Reply(chunks=Stamped(["word "] * 20), delay_s=0.01))
    print(server.port, flush=True)
    sys.stdin.read()
    server.close()


@dataclass
class FirstChunk:
    """Notes when the first piece of text came, and compares it with the time that stands in it."""

    seconds: float | None = None

    def __call__(self, text: str) -> None:
        if self.seconds is None and text:
            self.seconds = time.perf_counter() - float(text)

    @property
    def ms(self) -> float:
        assert self.seconds is not None, "no text came"
        return self.seconds * 1000


async def measure(url: str) -> dict[str, list[float]]:
    import httpx

    agent = orchestrator(url)
    taken: dict[str, list[float]] = {"victor_nb": [], "httpx": []}
    async with httpx.AsyncClient() as client:
        for _ in range(TURNS + 1):
            first = FirstChunk()
            await agent.chat(
                QUESTION, session_id=agent.session_id, on_chunk=lambda chunk, seen=first: seen(chunk.content)
            )
            agent.context_coordinator.reset(agent.session_id)
            taken["victor_nb"].append(first.ms)
            first = FirstChunk()
            body = {"model": MODEL, "messages": [{"role": "user", "content": QUESTION}], "stream": True}
            async with client.stream("POST", f"{url}/chat/completions", json=body) as reply:
                async for line in reply.aiter_lines():
                    if line.startswith("data: {"):
                        first(json.loads(line[6:])["choices"][0]["delta"].get("content", ""))
            taken["httpx"].append(first.ms)
    agent.close()
    return {name: times[1:] for name, times in taken.items()}


def main() -> None:
    if "--serve" in sys.argv:
        serve()
        return
    with child_server([__file__, "--serve"]) as url:
        taken = asyncio.run(measure(url))
    rows = [(name, percentile(times, 50), percentile(times, 95)) for name, times in taken.items()]
    table(f"First byte to first chunk, {TURNS} turns", ["", "p50 ms", "p95 ms"], rows)


if __name__ == "__main__":
    main()
