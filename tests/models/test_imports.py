"""What importing the family costs, and the loopback server as a program of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from pathlib import Path

HEAVY = {"pydantic_ai", "openai", "anthropic", "httpx", "httpx2", "genai_prices", "tenacity", "pandas", "IPython"}


def test_importing_models_and_doubles_loads_nothing_heavy_and_opens_no_socket() -> None:
    code = """
import asyncio, sys
sys.addaudithook(lambda event, _: event == "socket.connect" and sys.exit("opened a socket"))
import victor_nb.models, victor_nb.testing
from victor_nb.messages import Message, ModelRequest
asyncio.run(victor_nb.models.build_model("demo").request(ModelRequest((Message("user", "hi"),))))
victor_nb.models.build_model("openai:gpt-5", api_key="k")
print(*{name.partition(".")[0] for name in sys.modules})
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not HEAVY & set(done.stdout.split())


def test_the_loopback_server_runs_on_its_own() -> None:
    script = Path(__file__).parents[1] / "support" / "llm_server.py"
    command = [sys.executable, str(script), "--port", "0", "--text", "hey ", "--chunks", "3"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        data = json.dumps({"model": "m", "messages": []}).encode()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/chat/completions", data) as response:
            body = json.load(response)
        server.communicate()
    assert body["choices"][0]["message"]["content"] == "hey hey hey "
    assert server.returncode == 0
