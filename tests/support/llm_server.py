"""A real HTTP server on 127.0.0.1 that answers as OpenAI, Anthropic and Ollama do, from a script.

A test calls `server.reply(...)` once per request it expects; without a script a fixed text is answered. What was sent
stands in `server.requests`. Other processes (kernels, benchmarks) start it with `python tests/support/llm_server.py`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from support.embeddings_wire import embeddings
from support.llm_wires import WIRES, Reply, Wire


@dataclass(frozen=True)
class Received:
    """A request as it arrived; header names are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


class LLMServer:
    """Serves until `close()`. `disconnects` counts answers that the client broke off; `first_byte_at` is
    `time.perf_counter()` when the first byte of the latest answer's body was written."""

    def __init__(self, port: int = 0, default: Reply | None = None) -> None:
        self.requests: list[Received] = []
        self.disconnects = 0
        self.first_byte_at: float | None = None
        self.disconnected = threading.Event()
        self.arrived = threading.Semaphore(0)
        self.default = default or Reply(chunks=("Hello ", "from the ", "loopback server."))
        self.ollama_models = ["llama3.2:latest"]
        self._script: deque[Reply] = deque()
        self._connections: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", port))
        self.port: int = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever, name="llm-server", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """The address without a path, as Anthropic and Ollama clients want it."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def openai_url(self) -> str:
        return f"{self.url}/v1"

    def reply(self, text: str = "", **answer: Any) -> None:
        """Script the answer to the next request that has none; the arguments are those of `Reply`."""
        self.script([Reply(text, **answer)])

    def script(self, answers: Iterable[Reply]) -> None:
        """Script the answers to the next requests."""
        self._script.extend(answers)

    def wait_for_request(self, timeout_s: float = 10.0) -> None:
        """Return when one more request has arrived."""
        assert self.arrived.acquire(timeout=timeout_s), "no request arrived"

    def wait_for_disconnect(self, timeout_s: float = 10.0) -> None:
        assert self.disconnected.wait(timeout_s), "the client did not close the connection"

    def close(self) -> None:
        """Stop serving and close every connection; again is harmless."""
        if self._loop.is_closed():
            return
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _stop(self) -> None:
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await asyncio.sleep(0)  # lets the transports report that they are closed

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            while (request := await _read_request(reader)) is not None:
                await self._respond(request, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, _Cut, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            self._connections.discard(task)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _respond(self, request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.requests.append(request)
        self.arrived.release()
        answer = asyncio.create_task(self._answer(request, writer))
        hang_up = asyncio.create_task(reader.read(1))
        try:
            await asyncio.wait({answer, hang_up}, return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                raise ConnectionResetError
            answer.result()
        except ConnectionError:
            self.disconnects += 1
            self.disconnected.set()
            raise
        finally:
            for task in (answer, hang_up):
                task.cancel()
            await asyncio.gather(answer, hang_up, return_exceptions=True)

    async def _answer(self, request: Received, writer: asyncio.StreamWriter) -> None:
        if request.path == "/api/tags":
            await _write_json(writer, 200, {"models": [{"name": name} for name in self.ollama_models]})
            return
        if request.path.endswith("/embeddings"):
            await self._embed(request, writer)
            return
        wire = next((wire for end, wire in WIRES.items() if request.path.endswith(end)), None)
        if wire is None:
            await _write_json(writer, 404, {"error": {"message": f"no such path: {request.path}"}})
            return
        reply = self._script.popleft() if self._script else self.default
        await asyncio.sleep(reply.delay_s)
        await self._answer_on(wire, reply, request, writer)

    async def _embed(self, request: Received, writer: asyncio.StreamWriter) -> None:
        """Vectors, or a scripted error; a scripted text is sent as the body."""
        reply = self._script.popleft() if self._script else Reply()
        body: Any = reply.text or embeddings(request.body)
        if reply.status != 200:
            body = reply.error or {"error": {"message": f"scripted status {reply.status}"}}
        await _write_json(writer, reply.status, body, dict(reply.headers))

    async def _answer_on(self, wire: Wire, reply: Reply, request: Received, writer: asyncio.StreamWriter) -> None:
        model = reply.model or request.body.get("model", "unknown")
        streamed = bool(request.body.get("stream"))
        if reply.status != 200:
            error = reply.error or f"scripted status {reply.status}"
            body = wire.error(reply.status, error) if isinstance(error, str) else error
            await _write_json(writer, reply.status, body, dict(reply.headers))
        elif streamed:
            await self._stream(wire, reply, request, writer, model)
        else:
            self.first_byte_at = time.perf_counter()
            if reply.cut_after is not None:
                raise _Cut
            body = "{not json" if reply.invalid_json else wire.body(reply, model)
            await _write_json(writer, 200, body, dict(reply.headers))

    async def _stream(
        self, wire: Wire, reply: Reply, request: Received, writer: asyncio.StreamWriter, model: str
    ) -> None:
        head = {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked", **reply.headers}
        await _write(writer, _head(200, head))
        events = list(wire.events(reply, model, request.body))
        for index, event in enumerate(events):
            if reply.cut_after == index:
                raise _Cut
            while reply.gate and index >= reply.gate_after and not reply.gate.is_set():
                await asyncio.sleep(0.001)
            if index == 0:
                self.first_byte_at = time.perf_counter()
            elif reply.pause_s:
                await asyncio.sleep(reply.pause_s)
            data = _garbled(event) if reply.invalid_json and index == 1 else event.encode()
            end = b"0\r\n\r\n" if index == len(events) - 1 else b""
            await _write(writer, b"%x\r\n%s\r\n%s" % (len(data), data, end))


class _Cut(Exception):
    """The script says to break the connection here."""


async def _read_request(reader: asyncio.StreamReader) -> Received | None:
    line = await reader.readline()
    if not line:
        return None
    method, path, _ = line.decode().split(" ", 2)
    headers: dict[str, str] = {}
    while (line := await reader.readline()).strip():
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    raw = await reader.readexactly(int(headers.get("content-length", "0")))
    return Received(method, path.partition("?")[0], headers, json.loads(raw) if raw else {})


def _garbled(event: str) -> bytes:
    """The event with its name kept (nameless ones are skipped by some clients) and its data broken."""
    return event.partition("data: ")[0].encode() + b"data: {not json\n\n"


def _head(status: int, headers: dict[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} scripted", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


async def _write_json(
    writer: asyncio.StreamWriter, status: int, body: Any, headers: dict[str, str] | None = None
) -> None:
    raw = body.encode() if isinstance(body, str) else json.dumps(body, ensure_ascii=False).encode()
    head = {"Content-Type": "application/json", "Content-Length": str(len(raw)), **(headers or {})}
    await _write(writer, _head(status, head) + raw)


async def _write(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(data)
    await writer.drain()
    await asyncio.sleep(0)  # each write leaves as its own packet, and a hang-up is noticed


@pytest.fixture
def llm_server() -> Iterator[LLMServer]:
    """A fresh scripted server for one test."""
    server = LLMServer()
    try:
        yield server
    finally:
        server.close()


def main() -> None:
    """Serve until standard input closes or the process is stopped; the first line printed is the port."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--text", default="Hello from the loopback server.")
    parser.add_argument("--chunks", type=int, default=1, help="send the text this many times, a chunk each")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before each answer")
    options = parser.parse_args()
    chunks = (options.text,) * options.chunks
    server = LLMServer(options.port, Reply(chunks=chunks, delay_s=options.delay))
    print(server.port, flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        sys.stdin.read()
    server.close()


if __name__ == "__main__":
    main()
