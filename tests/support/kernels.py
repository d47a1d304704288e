"""Real kernels: `kernel.run(source)` executes a cell and returns what a front end would show of it.

The kernel is this Python's own ipykernel; no kernelspec need be installed. Displays are kept as a front end keeps
them: `update_display_data` changes outputs in place, `clear_output` empties the cell.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty
from typing import Any

import pytest
import zmq
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.channels import ZMQSocketChannel
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import KernelManager
from traitlets import Type

Message = dict[str, Any]


class ThisPython(KernelSpecManager):
    """Knows one kernel: ipykernel in the Python that runs the tests."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=argv, display_name="Python 3", language="python")


class MeasuringChannel(ZMQSocketChannel):
    """Notes with every message how many bytes came over the wire."""

    def _recv(self, **kwargs: Any) -> Message:
        frames = self.socket.recv_multipart(**kwargs)
        message = self.session.deserialize(self.session.feed_identities(frames)[1])
        return message | {"wire_bytes": sum(len(frame) for frame in frames)}


class MeasuringClient(BlockingKernelClient):
    iopub_channel_class = Type(MeasuringChannel)


@dataclass(frozen=True)
class CellError:
    ename: str
    evalue: str
    traceback: list[str]


@dataclass
class CellResult:
    """A cell that ran. `outputs` are in nbformat's form; `iopub_bytes` is what all its messages weighed."""

    status: str = "running"
    outputs: list[Message] = field(default_factory=list)
    error: CellError | None = None
    iopub_bytes: int = 0
    messages: list[Message] = field(default_factory=list)
    reply: Message | None = None
    prompts: list[str] = field(default_factory=list)

    def _stream(self, name: str) -> str:
        return "".join(o["text"] for o in self.outputs if o["output_type"] == "stream" and o["name"] == name)

    @property
    def stdout(self) -> str:
        return self._stream("stdout")

    @property
    def stderr(self) -> str:
        return self._stream("stderr")

    @property
    def displays(self) -> list[dict[str, str]]:
        """The mime bundles of displays and of the result, in order; emptied ones are left out."""
        return [o["data"] for o in self.outputs if o.get("data")]


@dataclass
class RunningCell:
    """A cell that was sent to the kernel."""

    msg_id: str
    result: CellResult = field(default_factory=CellResult)
    answers: list[str] = field(default_factory=list)
    idle: bool = False
    clear_pending: bool = False

    @property
    def done(self) -> bool:
        return self.idle and self.result.reply is not None


class Kernel:
    """One kernel process and the front end's view of its cells."""

    def __init__(self, manager: KernelManager, client: MeasuringClient) -> None:
        self.manager = manager
        self.client = client
        self._cells: dict[str, RunningCell] = {}
        self._by_display: dict[str, list[Message]] = {}
        self.watchers: list[Callable[[Message], None]] = []
        """Each is given every message that the kernel publishes."""

    @property
    def pid(self) -> int:
        return self.manager.provisioner.pid

    def run(self, source: str, timeout: float = 30) -> CellResult:
        """Execute a cell and wait for it; a failing cell is a result, not an exception."""
        return self.wait(self.start(source), timeout)

    def start(
        self,
        source: str,
        cell_id: str | None = None,
        *,
        metadata: Message | None = None,
        answers: Sequence[str] | None = None,
    ) -> RunningCell:
        """Execute a cell without waiting for it; `cell_id` is sent as JupyterLab sends it. With `answers` the front end
        takes input: they are typed one by one when the cell asks."""
        content = {"code": source, "silent": False, "store_history": True, "allow_stdin": answers is not None}
        metadata = metadata or ({"cellId": cell_id} if cell_id else {})
        message = self.client.session.msg("execute_request", content | {"stop_on_error": True}, metadata=metadata)
        self.client.shell_channel.send(message)
        cell = RunningCell(message["header"]["msg_id"], answers=list(answers or ()))
        self._cells[cell.msg_id] = cell
        return cell

    def complete(self, code: str, cursor: int | None = None, timeout: float = 30) -> Message:
        """What the kernel offers at a place of a cell (its end by default), as a front end asks for it."""
        msg_id = self.client.complete(code, len(code) if cursor is None else cursor)
        while True:
            message = self.client.shell_channel.get_msg(timeout=timeout)
            if message["parent_header"].get("msg_id") == msg_id:
                return message["content"]
            self._on_reply(message)

    def interrupt(self) -> None:
        self.manager.interrupt_kernel()

    def kill(self) -> None:
        """`kill -9`, as a power cut would."""
        self.manager.signal_kernel(9)

    def wait(self, cell: RunningCell, timeout: float = 30) -> CellResult:
        self.wait_until(cell, lambda _: cell.done, timeout)
        return cell.result

    def wait_until(self, cell: RunningCell, shown: Callable[[CellResult], object], timeout: float = 30) -> CellResult:
        """Wait until a predicate on the cell's outputs so far holds."""
        deadline = time.monotonic() + timeout
        while not shown(cell.result):
            if time.monotonic() > deadline:
                raise TimeoutError(f"after {timeout} s the cell shows {cell.result.outputs!r}")
            self._pump(0.05)
        return cell.result

    def wait_for(self, holds: Callable[[], object], timeout: float = 30) -> None:
        """Take messages until a predicate holds, whichever cells run or not."""
        deadline = time.monotonic() + timeout
        while not holds():
            if time.monotonic() > deadline:
                raise TimeoutError(f"it did not come true in {timeout} s")
            self._pump(0.05)

    def _pump(self, timeout: float) -> None:
        with suppress(Empty):
            self._on_iopub(self.client.iopub_channel.get_msg(timeout=timeout))
        while self.client.shell_channel.msg_ready():
            self._on_reply(self.client.shell_channel.get_msg(timeout=0))
        while self.client.stdin_channel.msg_ready():
            self._on_input_request(self.client.stdin_channel.get_msg(timeout=0))

    def _on_reply(self, message: Message) -> None:
        cell = self._cells.get(message["parent_header"].get("msg_id", ""))
        if cell and message["msg_type"] == "execute_reply":
            content = message["content"]
            cell.result.reply = content
            cell.result.status = content["status"]

    def _on_input_request(self, message: Message) -> None:
        cell = self._cells[message["parent_header"]["msg_id"]]
        cell.result.prompts.append(message["content"]["prompt"])
        if cell.answers:
            self.client.input(cell.answers.pop(0))

    def _on_iopub(self, message: Message) -> None:
        for watch in self.watchers:
            watch(message)
        cell = self._cells.get(message["parent_header"].get("msg_id", ""))
        if cell is None:
            return
        cell.result.messages.append(message)
        cell.result.iopub_bytes += message["wire_bytes"]
        kind, content = message["msg_type"], message["content"]
        if kind == "status":
            cell.idle = cell.idle or content["execution_state"] == "idle"
        elif kind == "clear_output":
            cell.clear_pending = True
            if not content["wait"]:
                self._clear(cell)
        elif kind == "update_display_data":
            for output in self._by_display.get(content["transient"]["display_id"], []):
                output.update(data=content["data"], metadata=content["metadata"])
        elif kind in {"stream", "display_data", "execute_result", "error"}:
            self._add(cell, kind, content)

    def _add(self, cell: RunningCell, kind: str, content: Message) -> None:
        if cell.clear_pending:
            self._clear(cell)
        outputs = cell.result.outputs
        if kind == "stream" and outputs and outputs[-1].get("name") == content["name"]:
            outputs[-1]["text"] += content["text"]
            return
        output = {"output_type": kind, **{k: v for k, v in content.items() if k != "transient"}}
        outputs.append(output)
        if display_id := content.get("transient", {}).get("display_id"):
            self._by_display.setdefault(display_id, []).append(output)
        if kind == "error":
            cell.result.error = CellError(content["ename"], content["evalue"], content["traceback"])

    def _clear(self, cell: RunningCell) -> None:
        cell.result.outputs.clear()
        cell.clear_pending = False

    def close(self) -> None:
        self.client.stop_channels()
        if self.manager.has_kernel:
            self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()
        self.manager.context.destroy(linger=0)


def start_kernel(folder: Path, env: dict[str, str] | None = None) -> Kernel:
    """A kernel with `folder` as its working directory, connection file and IPython profile in `folder` too."""
    runtime = folder / ".jupyter-runtime"
    runtime.mkdir(parents=True, exist_ok=True)
    context = zmq.Context()
    manager = KernelManager(
        kernel_spec_manager=ThisPython(),
        connection_file=str(runtime / f"kernel-{time.monotonic_ns()}.json"),
        context=context,
        client_factory=MeasuringClient,
        shutdown_wait_time=2,
    )
    full = os.environ | {"IPYTHONDIR": str(folder / ".ipython"), "PYDEVD_DISABLE_FILE_VALIDATION": "1"} | (env or {})
    manager.start_kernel(cwd=str(folder), env=full)
    client = manager.client()
    client.start_channels()
    kernel = Kernel(manager, client)
    try:
        client.wait_for_ready(timeout=60)
    except BaseException:
        kernel.close()
        raise
    return kernel


@pytest.fixture
def new_kernel(tmp_path: Path) -> Iterator[Callable[..., Kernel]]:
    """`new_kernel(env={…})` starts a kernel; all are shut down after the test."""
    with ExitStack() as stack:

        def start(env: dict[str, str] | None = None) -> Kernel:
            kernel = start_kernel(tmp_path, env)
            stack.callback(kernel.close)
            return kernel

        yield start


@pytest.fixture
def kernel(new_kernel: Callable[..., Kernel]) -> Kernel:
    """A fresh kernel with the test's environment."""
    return new_kernel()
