"""Which providers exist, what their keys are called, and what a model's name means.

`parse` turns what a user writes into a `ModelName`; a wrong name is refused here, before anything is imported
or sent. Imports nothing but the errors.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from victor_nb.errors import UnknownModelError, did_you_mean


@dataclass(frozen=True, slots=True)
class Provider:
    """A service that answers.

    `env_keys` are the variables any of which may hold its API key (empty: it needs none, or the library knows);
    `sdk` is the module that must be importable; `extra` is pydantic-ai-slim's extra that installs it.
    """

    name: str
    label: str
    env_keys: tuple[str, ...] = ()
    sdk: str = "openai"
    extra: str = "openai"
    default_model: str | None = None


@dataclass(frozen=True, slots=True)
class ModelName:
    """A provider and a model of it; `base_url` is set for a server that was named by its URL."""

    provider: str
    model: str
    base_url: str | None = None

    def __str__(self) -> str:
        if self.provider == "demo":
            return "demo"
        return f"{self.base_url}#{self.model}" if self.base_url else f"{self.provider}:{self.model}"


OPENAI_KEY = ("OPENAI_API_KEY",)
_PROVIDERS = (
    Provider("anthropic", "Anthropic", ("ANTHROPIC_API_KEY",), "anthropic", "anthropic", "claude-sonnet-5-5"),
    Provider("openai", "OpenAI", OPENAI_KEY, default_model="gpt-6.1-terra"),
    Provider(
        "google", "Google Gemini", ("GOOGLE_API_KEY", "GEMINI_API_KEY"), "google.genai", "google", "gemini-3.8-flash"
    ),
    Provider("ollama", "Ollama"),
    Provider("openai-chat", "OpenAI-compatible server", OPENAI_KEY, default_model="gpt-6.1-terra"),
    Provider("openai-responses", "OpenAI Responses", OPENAI_KEY, default_model="gpt-6.1-terra"),
    Provider("demo", "Demo (no AI)", default_model="demo"),
    Provider("alibaba", "Alibaba", ("ALIBABA_API_KEY", "DASHSCOPE_API_KEY")),
    Provider("azure", "Azure OpenAI", ("AZURE_OPENAI_API_KEY",)),
    Provider("azure-responses", "Azure OpenAI Responses", ("AZURE_OPENAI_API_KEY",)),
    Provider("bedrock", "AWS Bedrock", (), "boto3", "bedrock"),
    Provider("bedrock-mantle", "AWS Bedrock Mantle", (), "boto3", "bedrock-mantle"),
    Provider("cerebras", "Cerebras", ("CEREBRAS_API_KEY",), extra="cerebras"),
    Provider("cohere", "Cohere", ("CO_API_KEY",), "cohere", "cohere"),
    Provider("crusoe", "Crusoe", ("CRUSOE_API_KEY",)),
    Provider("deepseek", "DeepSeek", ("DEEPSEEK_API_KEY",)),
    Provider("fireworks", "Fireworks", ("FIREWORKS_API_KEY",)),
    Provider("github", "GitHub Models", ("GITHUB_API_KEY",)),
    Provider("github-copilot", "GitHub Copilot"),
    Provider("google-cloud", "Google Cloud", (), "google.genai", "google"),
    Provider("groq", "Groq", ("GROQ_API_KEY",), "groq", "groq"),
    Provider("heroku", "Heroku", ("HEROKU_INFERENCE_KEY",)),
    Provider("huggingface", "Hugging Face", ("HF_TOKEN",), "huggingface_hub", "huggingface"),
    Provider("litellm", "LiteLLM proxy"),
    Provider("meta", "Meta", ("META_API_KEY",)),
    Provider("mistral", "Mistral", ("MISTRAL_API_KEY",), "mistralai", "mistral"),
    Provider("moonshotai", "Moonshot AI", ("MOONSHOTAI_API_KEY",)),
    Provider("nebius", "Nebius", ("NEBIUS_API_KEY",)),
    Provider("openai-chatgpt", "ChatGPT plan"),
    Provider("openai-codex", "OpenAI Codex"),
    Provider("openrouter", "OpenRouter", ("OPENROUTER_API_KEY",)),
    Provider("ovhcloud", "OVHcloud", ("OVHCLOUD_API_KEY",)),
    Provider("sambanova", "SambaNova", ("SAMBANOVA_API_KEY",)),
    Provider("snowflake", "Snowflake", ("SNOWFLAKE_TOKEN",), extra="snowflake"),
    Provider("together", "Together", ("TOGETHER_API_KEY",)),
    Provider("vercel", "Vercel AI Gateway", ("VERCEL_AI_GATEWAY_API_KEY", "VERCEL_OIDC_TOKEN")),
    Provider("vllm", "vLLM"),
    Provider("xai", "xAI", ("XAI_API_KEY",), "xai_sdk", "xai"),
    Provider("zai", "Z.AI", ("ZAI_API_KEY",), extra="zai"),
)
PROVIDERS = {provider.name: provider for provider in _PROVIDERS}
EMBEDDERS = (
    Provider("voyageai", "Voyage AI", ("VOYAGE_API_KEY",), "voyageai", "voyageai"),
    Provider("sentence-transformers", "Sentence Transformers", (), "sentence_transformers", "sentence-transformers"),
)
"""Providers that only turn texts into vectors."""
IN_PROCESS = frozenset({"sentence-transformers"})
"""Those of them that ask nobody."""
_FAMILIES = (
    ("claude-", "anthropic"),
    ("gemini-", "google"),
    ("gpt-", "openai"),
    ("chatgpt-", "openai"),
    ("o1", "openai"),
    ("o3", "openai"),
    ("o4-", "openai"),
)
EXAMPLES = (
    f"openai:{PROVIDERS['openai'].default_model}, anthropic:{PROVIDERS['anthropic'].default_model}, ollama:llama3.2, "
    "http://127.0.0.1:8000/v1#my-model or demo"
)


def provider_named(name: str) -> Provider:
    """The provider called `name`. Raises UnknownModelError with the nearest name."""
    found = PROVIDERS.get(name)
    if found is None:
        raise UnknownModelError(
            f"There is no provider {name!r}.{did_you_mean(name, PROVIDERS)}", hint=f"Name a model as in {EXAMPLES}."
        )
    return found


def parse(name: str, *, base_url: str | None = None) -> ModelName:
    """What a user's name for a model means.

    `"provider:model"`, a provider alone (its default model), a model whose family tells the provider
    (`gpt-…`, `claude-…`, `gemini-…`), `"URL#model"`, or any model name together with `base_url`.
    Raises UnknownModelError.
    """
    text = name.strip()
    if text.lower().startswith(("http://", "https://")):
        return _parse_url(text)
    provider, separator, model = text.partition(":")
    if separator and provider.lower() in PROVIDERS:
        return _named(provider_named(provider.lower()), model.strip(), base_url)
    if base_url is not None:
        return _on_server(text, base_url)
    if text.lower() in PROVIDERS:
        return _named(provider_named(text.lower()), "", base_url)
    if separator:
        provider_named(provider.lower())
    return _guess(text)


def address_parts(url: str, origin: str = "") -> tuple[SplitResult, int | None]:
    """A URL taken apart, and its port. Raises UnknownModelError when it is none, which names `origin`."""
    try:
        parts = urlsplit(url)
        return parts, parts.port
    except ValueError as error:
        hint = f"Mend {origin}, or take it away." if origin else "Write it as in http://127.0.0.1:8000/v1."
        raise UnknownModelError(f"{url!r} is no address of a server ({error}).", hint=hint) from None


def _parse_url(text: str) -> ModelName:
    url, _, model = text.partition("#")
    if not address_parts(url)[0].hostname or not model.strip():
        raise UnknownModelError(
            f"{url!r} does not say which model to use.", hint=f"Add the model's name after a #, as in {url}#my-model."
        )
    return _on_server(model.strip(), url)


def _on_server(model: str, base_url: str) -> ModelName:
    if not model:
        raise UnknownModelError("No model was named.", hint="Set the model's name beside the base URL.")
    return ModelName("openai-chat", model, base_url)


def _named(provider: Provider, model: str, base_url: str | None) -> ModelName:
    if provider.name == "demo":
        return ModelName("demo", "demo")
    wanted = model or provider.default_model
    if not wanted:
        raise UnknownModelError(
            f"{provider.label} needs a model's name.", hint=f"Write it after a colon, as in {provider.name}:some-model."
        )
    return ModelName(provider.name, wanted, base_url)


def _guess(text: str) -> ModelName:
    for start, provider in _FAMILIES:
        if text.lower().startswith(start):
            return ModelName(provider, text)
    slashed = text.partition("/")
    if slashed[1] and slashed[0].lower() in PROVIDERS:
        nearest = f" Did you mean {slashed[0].lower()}:{slashed[2]!s}?"
    else:
        nearest = did_you_mean(text, [*PROVIDERS, *(p.default_model for p in _PROVIDERS if p.default_model)])
    raise UnknownModelError(f"{text!r} names no model.{nearest}", hint=f"Name a model as in {EXAMPLES}.")
