"""The names of models that can be used here: of providers whose key is there, what a local Ollama has, and `demo`."""

from __future__ import annotations

from victor_nb.models.catalog import PROVIDERS
from victor_nb.models.keys import environment
from victor_nb.models.known import known_models


def model_names() -> list[str]:
    """Blocks. The default models come first. A keyring is not asked for each provider: it may ask the person back."""
    env = environment()
    there = set(env)
    keyed = [one for one in PROVIDERS.values() if there & set(one.env_keys)]
    usual = [f"{one.name}:{one.default_model}" for one in keyed if one.default_model]
    usable = {"ollama", "demo", *(one.name for one in keyed)}
    return list(dict.fromkeys([*usual, *(one.name for one in known_models(env) if one.provider in usable)]))
