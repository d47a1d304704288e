"""Which model answers when the user names none: a key in the environment, else a local Ollama, else the demo.

Paid keys are never picked under pytest, nbmake or CI. Opens one loopback connection at most, when asked, never at
import.
"""

from __future__ import annotations

import json
import re
import socket
import urllib.error
import urllib.request
from collections.abc import Mapping
from urllib.parse import urlsplit

from victor_nb.isolation import hides_keys
from victor_nb.models.catalog import PROVIDERS, ModelName, address_parts

KEY_ORDER = ("anthropic", "openai", "google")
"""Whose key wins when several are set. Anthropic first: who sets that key means to use it here, while OpenAI's
variable is set on many machines for other programs."""
_TEST_SIGNS = ("PYTEST_CURRENT_TEST", "PYTEST_VERSION", "NBMAKE", "CI", "VICTOR_TEST")
_OLLAMA_PORT = 11434
_BARE_IPV6 = re.compile(r"[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*")


def detect(env: Mapping[str, str]) -> ModelName:
    """The model to use when none was named.

    Order: a key of Anthropic, OpenAI, Google (skipped in a test run), a local Ollama that answers, `demo`. A test that
    is isolated from this machine has `demo`.
    """
    if hides_keys():
        return ModelName("demo", "demo")
    if not in_test_run(env):
        for name in KEY_ORDER:
            provider = PROVIDERS[name]
            if any(env.get(key) for key in provider.env_keys) and provider.default_model:
                return ModelName(name, provider.default_model)
    model = first_ollama_model(env)
    return ModelName("ollama", model) if model else ModelName("demo", "demo")


def in_test_run(env: Mapping[str, str]) -> bool:
    """Whether pytest, nbmake or CI run this process, or one above it."""
    return any(env.get(sign, "").lower() not in ("", "0", "false") for sign in _TEST_SIGNS)


def ollama_url(env: Mapping[str, str]) -> str:
    """Where Ollama listens, without a path: OLLAMA_BASE_URL, else Ollama's own OLLAMA_HOST, else port 11434 here.
    Raises UnknownModelError when that is no address."""
    origin = "OLLAMA_BASE_URL" if env.get("OLLAMA_BASE_URL") else "OLLAMA_HOST"
    text = (env.get(origin) or "").strip().rstrip("/").removesuffix("/v1")
    text = f"[{text}]" if _BARE_IPV6.fullmatch(text) else text
    parts, port = address_parts(text if "://" in text else f"http://{text}", origin)
    host = parts.hostname or "127.0.0.1"
    # What Ollama binds is not always what one can call.
    host = "127.0.0.1" if host in ("0.0.0.0", "::") else host
    host = f"[{host}]" if ":" in host else host
    default = {"https": 443}.get(parts.scheme, _OLLAMA_PORT)
    return f"{parts.scheme}://{host}:{port or default}{parts.path}"


def first_ollama_model(env: Mapping[str, str], timeout_s: float = 0.2) -> str | None:
    """The first model of the Ollama that `env` points at, or None when none answers."""
    return next(iter(ollama_models(env, timeout_s)), None)


def ollama_models(env: Mapping[str, str], timeout_s: float = 0.2) -> list[str]:
    """All models of the Ollama that `env` points at; none when none answers (0.2 s to connect, 1 s to tell), or it
    points at none."""
    try:
        url = ollama_url(env)
        parts = urlsplit(url)
        with socket.create_connection((parts.hostname or "127.0.0.1", parts.port or _OLLAMA_PORT), timeout_s):
            pass
        with _direct().open(f"{url}/api/tags", timeout=5 * timeout_s) as response:
            found = json.loads(response.read())
        return [str(model["name"]) for model in found["models"]]
    except (OSError, ValueError, LookupError, TypeError, urllib.error.URLError):
        return []


def _direct() -> urllib.request.OpenerDirector:
    """Never through a proxy: the environment's one cannot reach this machine."""
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))
