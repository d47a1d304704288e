"""A cell's outputs as JupyterLab keeps them, a clock to move by hand, and answers to stream."""

from __future__ import annotations

from victor_nb.messages import ChatChunk, ChatResponse, Usage
from victor_nb.notebook.answers.stream import AnswerDisplay

SAMPLE = """## Missing values

The column with the **most missing values** is `income`, with 1,204 of 5,000 rows. Step by step:

1. Check whether the values are missing at random.
2. Compare the distribution of `age` for rows with and without income.

```python
def missing_share(frame: pd.DataFrame) -> pd.Series:
    share = frame.isna().mean().sort_values(ascending=False)

    return share[share > 0]  # largest first
```

| column | missing |
|:-------|--------:|
| income | 1204 |

The estimator is $\\hat\\mu = \\frac{1}{n}\\sum_i x_i$. See [the docs](https://pandas.pydata.org/docs/).

"""


class FrontEnd:
    """A cell's outputs, kept as JupyterLab keeps them."""

    live = True

    def __init__(self) -> None:
        self.outputs: list[tuple[str, dict[str, str]]] = []
        self.sent: list[str] = []
        self.updated: list[str] = []
        self.characters_sent = 0
        self._clear = False

    def show(self, bundle: dict[str, str], display_id: str) -> None:
        if self._clear:
            self.outputs.clear()
        self._clear = False
        self.sent.append("show")
        self.characters_sent += sum(map(len, bundle.values()))
        self.outputs.append((display_id, bundle))

    def update(self, bundle: dict[str, str], display_id: str) -> None:
        self.sent.append("update")
        self.characters_sent += sum(map(len, bundle.values()))
        self.updated.append(display_id)
        self.outputs = [(key, bundle if key == display_id else old) for key, old in self.outputs]

    def clear(self) -> None:
        self._clear = True

    @property
    def visible(self) -> list[dict[str, str]]:
        return [bundle for _, bundle in self.outputs if bundle]

    @property
    def html(self) -> str:
        return "".join(bundle.get("text/html", "") for bundle in self.visible)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def chunks_of(text: str, size: int) -> list[ChatChunk]:
    return [ChatChunk(content=text[start : start + size]) for start in range(0, len(text), size)]


def response(content: str = "", **changes: object) -> ChatResponse:
    values = {
        "content": content,
        "usage": Usage(3, 4),
        "model": "m",
        "provider": "p",
        "session_id": "s",
        "turn_id": "t",
    }
    return ChatResponse(**{**values, **changes})


def stream(text: str, size: int, characters_per_second: float, *, sole: bool = False) -> FrontEnd:
    front_end, clock = FrontEnd(), Clock()
    display = AnswerDisplay(front_end, sole=sole, clock=clock)
    for chunk in chunks_of(text, size):
        display.feed(chunk)
        clock.now += len(chunk.content) / characters_per_second
    display.finish(response(text), footer=False)
    return front_end
