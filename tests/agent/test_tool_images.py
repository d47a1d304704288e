"""Figures and images that tools return: sent to models that take them, told to those that do not."""

from __future__ import annotations

import base64
import io
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image as Pillow
from support.llm_server import LLMServer
from support.tool_dispatch import result_of

from victor_nb.agent.orchestrator import AgentOrchestrator
from victor_nb.agent.tools import ToolOutcome
from victor_nb.agent.tools.images import MAX_IMAGE_BYTES, MAX_IMAGE_SIDE
from victor_nb.messages import Image
from victor_nb.models import build_model
from victor_nb.models.vision import takes_images

mpl.use("Agg")


def png(width: int = 4, height: int = 3, *, noisy: bool = False) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8)
    image = Pillow.fromarray(pixels if noisy else pixels * 0)
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()


def plot() -> Figure:
    figure = Figure(figsize=(4, 3), dpi=100)
    figure.subplots().plot([1, 2, 3])
    return figure


class Chart:
    def __init__(self, shown: Any) -> None:
        self.shown = shown

    def _repr_png_(self) -> Any:
        return self.shown


def size_of(outcome: ToolOutcome) -> tuple[int, int]:
    (image,) = outcome.images
    return Pillow.open(io.BytesIO(image.data)).size


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Pillow.new("RGBA", (4, 3)), "[image 1: Image, 4 × 3 pixels]"),
        (png(), "[image 1: Image, 4 × 3 pixels]"),
        (Image(png(), "image/png"), "[image 1: Image, 4 × 3 pixels]"),
        (Chart(png()), "[image 1: Chart, 4 × 3 pixels]"),
        (Chart((base64.b64encode(png()).decode(), {"width": 4})), "[image 1: Chart, 4 × 3 pixels]"),
        ({"n": 1, "plot": Chart(png())}, '{"n":1,"plot":"[image 1: Chart, 4 × 3 pixels]"}'),
    ],
)
def test_pictures_become_images_and_a_word(value: object, text: str) -> None:
    outcome = result_of(value)
    assert outcome.text == text
    assert size_of(outcome) == (4, 3)
    assert outcome.images[0].media_type == "image/png"


def test_figures_and_their_axes_are_drawn() -> None:
    figure = plot()
    grid = np.array([figure.axes], dtype=object)
    for value in (figure, figure.axes[0], grid):
        outcome = result_of(value)
        assert outcome.text.startswith("[image 1: Figure, ")
        assert 200 < size_of(outcome)[0] < 500
    assert len(result_of((figure, "and a word")).images) == 1


def test_a_figure_that_cannot_be_drawn_is_told() -> None:
    figure = Figure()
    figure.subplots().set_title("$\\broken{$")
    outcome = result_of(figure)
    assert outcome.text.startswith("[Figure, which could not be drawn: ValueError: ")
    assert outcome.images == ()


def test_large_pictures_are_made_smaller() -> None:
    outcome = result_of(png(3136, 30))
    assert size_of(outcome) == (MAX_IMAGE_SIDE, 15)
    assert "scaled down from 3,136 × 30" in outcome.text
    assert max(size_of(result_of(Figure(figsize=(100, 5), dpi=100)))) <= MAX_IMAGE_SIDE
    noisy = result_of(png(1500, 1500, noisy=True)).images[0]
    assert (noisy.media_type, len(noisy.data) < MAX_IMAGE_BYTES) == ("image/jpeg", True)


@pytest.mark.parametrize("value", [Chart(None), Chart("no base64"), Chart(b"no picture"), Chart, b"GIF89a broken"])
def test_what_only_looks_like_a_picture_is_none(value: object) -> None:
    outcome = result_of(value)
    assert (outcome.status, outcome.images) == ("ok", ())


def test_a_result_holds_a_bounded_number_of_images() -> None:
    outcome = result_of([png()] * 10)
    assert len(outcome.images) == 8
    assert outcome.text.count("left out") == 2
    assert outcome.truncated


async def drawn(server: LLMServer, model: str) -> dict[str, Any]:
    """The request with the result of a tool that gave a picture."""
    url = server.url if model.startswith("anthropic") else server.openai_url
    server.reply(tool_calls=[("draw", {})])
    server.reply("A line.")

    def draw() -> Image:
        return Image(png(), "image/png")

    await AgentOrchestrator(model=build_model(model, base_url=url, api_key="k")).chat("Draw", tools=[draw])
    body: dict[str, Any] = server.requests[-1].body
    return body


async def test_openai_is_sent_the_image_behind_the_results(llm_server: LLMServer) -> None:
    *_, result, images = (await drawn(llm_server, "openai-chat:gpt-5-mini"))["messages"]
    assert (result["role"], images["role"]) == ("tool", "user")
    (part,) = [part for part in images["content"] if part["type"] == "image_url"]
    assert part["image_url"]["url"] == f"data:image/png;base64,{base64.b64encode(png()).decode()}"


async def test_anthropic_is_sent_the_image_in_the_result(llm_server: LLMServer) -> None:
    body = await drawn(llm_server, "anthropic:claude-sonnet-5-5")
    text, image = body["messages"][-1]["content"][0]["content"]
    assert text["text"] == "[image 1: Image, 4 × 3 pixels]"
    assert image["source"]["data"] == base64.b64encode(png()).decode()


async def test_a_model_that_takes_no_images_is_told_so(llm_server: LLMServer) -> None:
    body = await drawn(llm_server, "openai-chat:llama3.1")
    assert body["messages"][-1]["content"] == (
        "[image 1: Image, 4 × 3 pixels]\n[an image left out here: this model takes none]"
    )


@pytest.mark.parametrize(
    ("provider", "model", "url", "expected"),
    [
        ("openai", "gpt-5-mini", None, True),
        ("openai", "gpt-4", None, False),
        ("openai", "gpt-4-turbo", None, True),
        ("openai", "gpt-3.5-turbo", None, False),
        ("anthropic", "claude-sonnet-5-5", None, True),
        ("google", "gemini-3-pro", None, True),
        ("ollama", "llama3.2", "http://127.0.0.1:11434/v1", False),
        ("ollama", "llama3.2-vision:11b", "http://127.0.0.1:11434/v1", True),
        ("ollama", "qwen2.5vl:7b", "http://127.0.0.1:11434/v1", True),
        ("ollama", "qwen3:8b", "http://127.0.0.1:11434/v1", False),
        ("ollama", "gemma3:4b", "http://127.0.0.1:11434/v1", True),
        ("ollama", "gemma3:1b", "http://127.0.0.1:11434/v1", False),
        ("ollama", "never-heard-of", "http://127.0.0.1:11434/v1", False),
        ("openai-chat", "my-model", "http://10.0.0.1/v1", False),
        ("openai-chat", "deepseek-chat", "https://api.deepseek.com/v1", False),
        ("openai-chat", "new-model", "https://api.example.org/v1", True),
    ],
)
def test_which_models_take_images(provider: str, model: str, url: str | None, expected: bool) -> None:
    assert takes_images(provider, model, url) is expected
    assert not takes_images(provider, model, url, profiled=False)


def described(figure: Figure) -> str:
    return result_of(figure).images[0].description


def test_a_figure_tells_what_it_shows() -> None:
    figure = Figure()
    axes = figure.subplots()
    axes.plot([1, 2, 3], label="Bergen")
    axes.plot([3, 2, 1])
    axes.scatter([1, 2], [3, 4])
    axes.set(title="Rain", xlabel="month", ylabel="mm", xlim=(0, 12), ylim=(0, 4.5))
    assert described(figure) == (
        'Axes: title "Rain"; x "month" from 0 to 12; y "mm" from 0 to 4.5; '
        '2 lines ("Bergen": 3 points, 3 points); 1 set (2 points).'
    )
    figure.clf()
    figure.suptitle("Two")
    left, right = figure.subplots(1, 2)
    left.bar(["a", "b"], [1, 2])
    right.imshow(np.zeros((2, 2)))
    assert described(figure).splitlines()[0] == 'The figure "Two".'
    assert "2 bars." in described(figure).splitlines()[1]
    assert described(figure).splitlines()[2].endswith("; 1 image.")
