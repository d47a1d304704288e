"""In a real kernel: the messages that an answer streamed into a cell costs, in number and as a multiple of its text,
and the longest wait for something new on the screen.

First answers of four lengths at five speeds, fed to the display in simulated time, in a cell that holds nothing else
and in one that has printed. Then whole cells in real time, beside chatlas where it is installed. Targets: at most 25
times the text from 6.5 KB on, at 30 to 1,000 tokens/s; 4,000 tokens (16 KB) within 1 MB and 700 messages at any speed;
something new every two seconds.

    python benchmarks/streaming.py

Measured 2026-11-28, 2 cores, shared; × text at 1, 10, 30, 100 and 1,000 tokens/s, the answer alone in its cell:
1 KB 97, 29, 22, 22, 16; 6.5 KB 51, 20, 18, 18, 9; 40 KB 44, 19, 18, 18, 8. Beside something printed 6.5 KB costs 55,
27, 19, 19, 11. 4,000 tokens: at most 779 KB and 637 messages. At 10 tokens/s and more something new comes every 2.1 s,
at 1 token/s too for the first 100 s, then every 10 to 22 s: nothing fits into 25 times the text there, a message's
headers are 200 times a token. In real time 6.5 KB at 100 tokens/s: 110 KB in 86 messages (17 times), chatlas 6.4 MB in
1,632 (986 times).
"""

from __future__ import annotations

import importlib.util
import json
import sys
import tempfile
from pathlib import Path

from _harness import SUPPORT, table

sys.path.insert(0, str(SUPPORT))
from interrupt import CHATLAS, Pace, answer
from support.kernels import CellResult, Kernel, start_kernel
from support.llm_server import LLMServer

SIZES = (1_000, 6_500, 16_000, 40_000)
SPEEDS = (1, 10, 30, 100, 1_000)
TOKEN = 4
REAL = ((6_500, 100), (6_500, 1_000), (40_000, 1_000))
SIMULATED = """
import json
from victor_nb.messages import ChatChunk, ChatResponse, Usage
from victor_nb.notebook.answers.stream import AnswerDisplay, IPythonPublisher

class Noting(IPythonPublisher):
    last, longest = 0.0, 0.0
    def _send(self, *args, **kwargs):
        Noting.longest = max(Noting.longest, now - Noting.last)
        Noting.last = now
        super()._send(*args, **kwargs)

text, now = {text!r}, 0.0
display = AnswerDisplay(Noting(), sole={sole}, clock=lambda: now)
for start in range(0, len(text), {token}):
    display.feed(ChatChunk(content=text[start:start + {token}]))
    for _ in range({slices}):
        now += 1 / {speed} / {slices}
        display.tick()
display.finish(ChatResponse(text, Usage(3, 4), "m", "p", "s", "t"), footer=False)
print(json.dumps(Noting.longest))
"""


def simulated(kernel: Kernel, sole: bool) -> None:
    rows: list[tuple[str, int, int, int, float, float]] = []
    for size in SIZES:
        text = "".join(answer(size))
        for speed in SPEEDS:
            slices = max(1, 10 // speed)
            source = SIMULATED.format(text=text, sole=sole, token=TOKEN, speed=speed, slices=slices)
            seen = kernel.run(source, timeout=300)
            assert seen.status == "ok", seen.error
            longest = json.loads(seen.stdout)
            rows.append(
                (f"{size / 1000:g} KB", speed, len(seen.messages), seen.iopub_bytes, seen.iopub_bytes / size, longest)
            )
    where = "the answer alone in its cell" if sole else "beside something printed"
    table(f"Simulated time, {where}", ["answer", "tokens/s", "messages", "bytes", "× text", "longest wait, s"], rows)


def real(kernel: Kernel, server: LLMServer) -> None:
    contenders = {"victor_nb": "%%victor\nTell me more"}
    if importlib.util.find_spec("chatlas"):
        assert kernel.run(CHATLAS.format(url=server.openai_url), timeout=120).status == "ok"
        contenders["chatlas"] = "_ = peer.chat('Tell me more')"
    rows: list[tuple[str, str, int, int, float]] = []
    for size, speed in REAL:
        for name, source in contenders.items():
            if name == "chatlas" and size > 10_000:  # its messages grow with the square of the text
                continue
            seen = asked(kernel, server, source, size, speed)
            pace = f"{size / 1000:g} KB at {speed:,} tokens/s"
            rows.append((pace, name, len(seen.messages), seen.iopub_bytes, seen.iopub_bytes / size))
    table("Real time, whole cells", ["answer", "", "messages", "bytes", "× text"], rows)


def asked(kernel: Kernel, server: LLMServer, source: str, size: int, speed: int) -> CellResult:
    text = "".join(answer(size))
    server.reply(chunks=[text[at : at + TOKEN] for at in range(0, size, TOKEN)], gate=Pace(1 / speed))
    seen = kernel.run(source, timeout=600)
    assert seen.status == "ok", seen.error
    return seen


def main() -> None:
    server = LLMServer()
    with tempfile.TemporaryDirectory() as folder:
        kernel = start_kernel(Path(folder), {"VICTOR_HOME": folder, "OPENAI_API_KEY": "none"})
        try:
            done = kernel.run(f"%load_ext victor_nb\n%victor use {server.openai_url}#m", timeout=120)
            assert done.status == "ok", done.error
            simulated(kernel, sole=True)
            simulated(kernel, sole=False)
            real(kernel, server)
        finally:
            kernel.close()
            server.close()


if __name__ == "__main__":
    main()
