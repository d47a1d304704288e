"""The names of models that can be used here: what a local Ollama has, and the usual ones of providers with a key."""

from __future__ import annotations

import os

from victor_nb.models.catalog import PROVIDERS
from victor_nb.models.detect import first_ollama_model
from victor_nb.models.keys import environment


def model_names() -> list[str]:
    """Blocks: Ollama is asked on this computer. `demo` comes last."""
    env = environment()
    keyed = [one for one in PROVIDERS.values() if one.default_model and any(env.get(key) for key in one.env_keys)]
    ollama = first_ollama_model(os.environ)
    local = [f"ollama:{ollama}"] if ollama else []
    return [*(f"{one.name}:{one.default_model}" for one in keyed), *local, "demo"]
