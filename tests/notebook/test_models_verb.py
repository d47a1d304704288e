"""`%victor models`: what one can chat with, what it costs, and where the key for it is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from support.cells import run_ok, value_of
from support.kernels import Kernel

CANARY = "sk-canary-9Xq2Lr7Tw4Kp8Vb3"


@pytest.fixture
def ollama() -> Iterator[str]:
    """The address of an Ollama with two models."""

    class Tags(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"models": [{"name": "llama3.2:3b"}, {"name": "qwen3:8b"}]}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Tags)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def kernel(new_kernel: Callable[..., Kernel], ollama: str) -> Kernel:
    kernel = new_kernel(env={"OLLAMA_HOST": ollama, "ANTHROPIC_API_KEY": CANARY})
    run_ok(kernel, "%load_ext victor_nb\n%victor use demo")
    return kernel


def test_all_that_can_be_used_is_listed_and_no_key_is_shown(kernel: Kernel) -> None:
    shown = run_ok(kernel, "frame = %victor models\nframe")
    assert CANARY not in str(shown.outputs)
    assert value_of(kernel, "(frame[frame.in_use].model.tolist(), frame.model[0])") == "(['demo'], 'demo')"
    assert value_of(kernel, "frame[frame.provider == 'ollama'].model.tolist()") == "['llama3.2:3b', 'qwen3:8b']"
    keys = "frame.groupby('provider').key.first()[['anthropic', 'openai', 'ollama']].tolist()"
    assert value_of(kernel, keys) == "['environment', 'missing', 'not needed']"
    run_ok(kernel, "%victor use anthropic\nfound = %victor models SONNET anthropic 5-5")
    assert value_of(kernel, "found[found.in_use].model.tolist()") == "['claude-sonnet-5-5']"
    assert value_of(kernel, "float(found.input_usd_per_mtok[0])") == "2.0"
    assert value_of(kernel, "found.dtypes.equals(frame.dtypes)") == "True"


def test_words_that_nothing_has_say_so(kernel: Kernel) -> None:
    done = run_ok(kernel, "found = %victor models claude-sonnet-5-6\nprint(len(found))")
    assert "No known model has claude-sonnet-5-6 in its name. Did you mean 'claude-sonnet-5-5'?" in done.stdout
    assert done.stdout.endswith("0\n")
