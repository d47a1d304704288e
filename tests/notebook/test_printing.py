"""Who printed what while a cell waits: its own prints are noticed, those of a panel's turn are the panel's."""

from __future__ import annotations

from contextlib import ExitStack
from types import SimpleNamespace

from victor_nb.notebook.kernel.capturing import capturing
from victor_nb.notebook.kernel.printing import noticing


def shell() -> SimpleNamespace:
    return SimpleNamespace(display_pub=SimpleNamespace(publish=print, clear_output=print))


def test_what_is_printed_once_a_panels_turn_is_over_is_noticed() -> None:
    noticed: list[bool] = []
    with ExitStack() as panel, ExitStack() as cell:
        panel.enter_context(capturing(shell(), lambda text: None))
        cell.enter_context(noticing(lambda: noticed.append(True)))
        panel.close()
        print("a warning")
    assert noticed


def test_what_is_captured_is_not() -> None:
    noticed: list[bool] = []
    taken: list[str] = []
    with noticing(lambda: noticed.append(True)), capturing(shell(), taken.append):
        print("of the panel")
    with capturing(shell(), taken.append), noticing(lambda: noticed.append(True)):
        print("too")
    assert ("".join(taken), noticed) == ("of the panel\ntoo\n", [])
