"""The lists of the Analytics panel, as widgets: what is chosen stays, and everything can be chosen again."""

from __future__ import annotations

from typing import Any

from victor_nb.frames.dashboard_facts import ShownTurn
from victor_nb.notebook.panels.turn_pickers import TurnPickers


def turns(*models: str) -> list[ShownTurn]:
    return [ShownTurn(None, "s", None, model, *([None] * 15)) for model in models]


def labels(pickers: TurnPickers) -> list[str]:
    return [picker.label for picker in pickers.widget.children]


def test_what_is_chosen_stays_and_everything_can_be_chosen_again() -> None:
    told: list[dict[str, Any]] = []
    pickers = TurnPickers(lambda _: told.append(pickers.chosen))
    model = pickers.widget.children[0]
    everything = ["all models", "all sessions", "all tags", "all times"]
    assert labels(pickers) == everything
    pickers.offer(turns("small"))
    model.set_state({"index": 1})  # as a front end does
    pickers.offer(turns("small", "large"))
    assert labels(pickers) == ["small", *everything[1:]]
    model.set_state({"index": 0})
    assert labels(pickers) == everything
    assert told == [{"model": "small"}, {}]
