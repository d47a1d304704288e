"""The names of the GenAI conventions, beside those that OpenTelemetry's own package knows of an earlier version."""

from __future__ import annotations

from pathlib import Path

import pytest
from opentelemetry.semconv._incubating.attributes import error_attributes, gen_ai_attributes
from opentelemetry.semconv._incubating.attributes.gen_ai_attributes import (
    GenAiOperationNameValues,
    GenAiProviderNameValues,
)
from opentelemetry.semconv._incubating.metrics import gen_ai_metrics

from victor_nb.exporters import genai
from victor_nb.models import PROVIDERS

NEW_ATTRIBUTES = {
    "gen_ai.usage.cache_write.input_tokens",  # was cache_creation
    "gen_ai.conversation.compacted",
    "gen_ai.token.modality",
}
NEW_PROVIDERS = {"moonshot_ai"}
CLIENT = ("gen_ai.client.operation.duration", "gen_ai.client.operation.time_to_first_chunk")


def words(module: object) -> set[str]:
    return {text for text in vars(module).values() if isinstance(text, str)}


def attributes() -> set[str]:
    used = {text for text in words(genai) if text.startswith("gen_ai.")} | set(genai.FIELDS.values())
    return used | {name for instrument in genai.METRICS for name in instrument.attributes}


def test_attributes_are_those_of_the_registry_or_newer():
    known = words(gen_ai_attributes) | {error_attributes.ERROR_TYPE}
    assert attributes() - known == NEW_ATTRIBUTES


def test_metrics_of_the_client_are_called_as_in_the_package():
    assert set(CLIENT) <= {instrument.name for instrument in genai.METRICS} & words(gen_ai_metrics)


def test_operations_are_well_known():
    assert set(genai.OPERATIONS.values()) <= {operation.value for operation in GenAiOperationNameValues}


def test_every_provider_that_has_a_well_known_name_is_called_by_it():
    known = {provider.value for provider in GenAiProviderNameValues} | NEW_PROVIDERS
    named = {name: genai.provider_name(name) for name in PROVIDERS}
    assert {name for name, called in named.items() if called not in known and called != name} == set()
    vendors = {"openai", "anthropic", "google", "azure", "bedrock", "cohere", "deepseek", "groq", "mistral", "xai"}
    assert {name for name in vendors | {"moonshotai", "google-cloud"} if named[name] not in known} == set()


@pytest.mark.parametrize("instrument", [i for i in genai.METRICS if i.buckets], ids=lambda i: i.name)
def test_buckets_are_the_advised_ones(instrument):
    first, factor, last = {
        "{token}": (1, 4, 67108864),
        "{inference_call}": (1, 2, 128),
        "{tool_call}": (1, 2, 128),
        "s": (0.1, 2, 409.6) if instrument is genai.AGENT_DURATION else (0.01, 2, 81.92),
    }[instrument.unit]
    assert (instrument.buckets[0], instrument.buckets[-1]) == (first, last)
    steps = [first * factor**power for power in range(len(instrument.buckets))]
    assert instrument.buckets == pytest.approx(steps)


def test_no_other_module_spells_these_names():
    folder = Path(genai.__file__).parents[1]
    spelled = {path.name for path in folder.rglob("*.py") if '"gen_ai.' in path.read_text(encoding="utf-8")}
    assert spelled == {"genai.py"}
