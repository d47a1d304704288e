"""A server that speaks OpenAI's chat completions as the real one does where recordings are concerned: ids, dates and
headers are new with every answer, texts are not. It asks for a tool first, and then answers in pieces.

    python benchmarks/_talking_server.py [--pause 0.3]          (started by `cassettes.py`)
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from email.utils import formatdate
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support.llm_server import LLMServer
from support.llm_wires import WIRES, Json, OpenAIChat, Reply

_ANSWER = """## Column {turn}

The column `c{turn}` has **{missing}** missing values of 1,000. They stand together:

| rows | why |
|---|---|
| 1 to {turn}0 | the sensor was off |
| others | no reason is known |

```python
df["c{turn}"] = df["c{turn}"].interpolate()
```
Fill them so, and say in the caption that you did."""


def answer(messages: list[Json]) -> Reply:
    """A call of the tool to a question, a text to its result; which of them, tells the length of the conversation."""
    turn = sum(one["role"] == "user" for one in messages)
    usage = {"input_tokens": len(json.dumps(messages)) // 4, "output_tokens": 120}
    if messages[-1]["role"] == "user":
        call = ("missing_in", {"column": f"c{turn}"}, f"call_{uuid.uuid4().hex[:24]}")
        return Reply(tool_calls=[call], usage=usage)
    words = _ANSWER.format(turn=turn, missing=turn * 7).split(" ")
    return Reply(chunks=[word if not place else f" {word}" for place, word in enumerate(words)], usage=usage)


class Pause:
    """A gate that opens that many seconds after an answer of texts has begun; one stream at a time."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._until = 0.0

    def begin(self, reply: Reply) -> None:
        self._until = time.perf_counter() + self._seconds if reply.pieces else 0.0

    def is_set(self) -> bool:
        return time.perf_counter() >= self._until


class TalkingWire(OpenAIChat):
    def __init__(self, gate: Pause) -> None:
        self._gate = gate

    def body(self, reply: Reply, model: str) -> Json:
        raise NotImplementedError("answers of this server are streamed")

    def events(self, reply: Reply, model: str, request: Json) -> Iterator[str]:
        id, created = f"chatcmpl-{uuid.uuid4().hex[:24]}", int(time.time())
        reply = answer(request["messages"])
        self._gate.begin(reply)
        for event in super().events(reply, model, request):
            yield event.replace('"chatcmpl-1"', f'"{id}"').replace('"created": 1', f'"created": {created}')


class Heads(Mapping[str, str]):
    """What a service behind a proxy sends along, new with every answer."""

    _NAMES = ("date", "x-request-id", "openai-processing-ms", "cf-ray")

    def __getitem__(self, name: str) -> str:
        return formatdate(usegmt=True) if name == "date" else uuid.uuid4().hex[: 4 if name.endswith("ms") else 16]

    def __iter__(self) -> Iterator[str]:
        return iter(self._NAMES)

    def __len__(self) -> int:
        return len(self._NAMES)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pause", type=float, default=0.0, help="seconds between the first piece and the others")
    gate: Any = Pause(parser.parse_args().pause)
    WIRES["/chat/completions"] = TalkingWire(gate)
    server = LLMServer(default=Reply(headers=Heads(), gate=gate, gate_after=1))
    print(server.port, flush=True)
    sys.stdin.read()
    server.close()


if __name__ == "__main__":
    main()
