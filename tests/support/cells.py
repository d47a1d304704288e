"""Cells that chat: a kernel with the extension loaded and a scripted server as its model."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.kernels import CellError, CellResult, Kernel, start_kernel
from support.llm_server import LLMServer


def connect(kernel: Kernel, server: LLMServer) -> Kernel:
    """Load the extension and use the server as model."""
    done = kernel.run(f"%load_ext victor_nb\n%victor use {server.openai_url}#m\nimport victor_nb as vn", timeout=60)
    assert done.status == "ok", done.error
    return kernel


@pytest.fixture
def chat_kernel(kernel: Kernel, llm_server: LLMServer) -> Kernel:
    """A kernel of the test's own, whose model is `llm_server`."""
    return connect(kernel, llm_server)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Kernel, LLMServer]]:
    """One kernel and server for the tests of a module that leave no traces."""
    folder = tmp_path_factory.mktemp("shared-kernel")
    server = LLMServer()
    kernel = start_kernel(folder, {"VICTOR_HOME": str(folder / "home"), "OLLAMA_HOST": "127.0.0.1:1"})
    try:
        yield connect(kernel, server), server
    finally:
        kernel.close()
        server.close()


@pytest.fixture
def chat(shared: tuple[Kernel, LLMServer], llm_server: LLMServer) -> Iterator[Kernel]:
    """The module's kernel, in a conversation of the test's own, without tools, whose model is `llm_server`."""
    kernel, usual = shared
    own = "vn.orchestrator.use_session(vn.orchestrator.session_id + 'x')\nvn.orchestrator.tools.clear()"
    run_ok(kernel, f"%victor use {llm_server.openai_url}#m\n{own}")
    yield kernel
    run_ok(kernel, f"%victor use {usual.openai_url}#m\nvn.orchestrator.tools.clear()")


def run_ok(kernel: Kernel, source: str) -> CellResult:
    """Run a cell that must succeed."""
    done = kernel.run(source)
    assert done.status == "ok", done.error
    return done


def value_of(kernel: Kernel, expression: str) -> str:
    """The repr of an expression in the kernel."""
    return run_ok(kernel, f"print(repr({expression}))").stdout.strip()


def error_of(kernel: Kernel, source: str) -> CellError:
    """The error of a cell that must fail, with at most two short lines for the user."""
    done = kernel.run(source)
    assert done.status == "error", done.outputs
    assert done.error is not None
    assert len(done.error.traceback) <= 2, done.error.traceback
    assert all(len(line) < 300 and "\n" not in line for line in done.error.traceback), done.error.traceback
    return done.error
