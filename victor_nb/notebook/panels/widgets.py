"""The widget library, fetched when a panel is made, and the few shapes that all tabs use.

ipywidgets has no types, so that what comes from here is `Any`.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

from victor_nb.errors import MissingExtraError

_OLDEST: Final = 8


def ipywidgets() -> Any:
    """
    Raises:
        MissingExtraError: it is not installed, or too old.
    """
    try:
        found: Any = import_module("ipywidgets")
    except ImportError as error:
        raise MissingExtraError(f"panels need ipywidgets ({error}).", hint=_HINT) from None
    if int(found.__version__.split(".")[0]) < _OLDEST:
        raise MissingExtraError(f"ipywidgets {found.__version__} is too old for panels.", hint=_HINT)
    return found


_HINT: Final = 'pip install "ipywidgets>=8.1", then restart the kernel and reload the page'


def html(value: str = "", *css: str, typeset: bool = False) -> Any:
    """A widget that shows HTML of ours; with `typeset` its formulas too."""
    kind = ipywidgets().HTMLMath if typeset else ipywidgets().HTML
    made = kind(value, layout=ipywidgets().Layout(margin="0", width="auto"))
    for name in css:
        made.add_class(name)
    return made


def row(*children: Any) -> Any:
    """Side by side, and below each other where there is no room."""
    layout = ipywidgets().Layout(flex_flow="row wrap", align_items="center", width="100%")
    return ipywidgets().Box(children, layout=layout)


def button(text: str, tooltip: str, *, icon: str = "", style: str = "") -> Any:
    layout = ipywidgets().Layout(width="auto")
    return ipywidgets().Button(description=text, tooltip=tooltip, icon=icon, button_style=style, layout=layout)


def close_all(widget: Any) -> None:
    """Close a widget with all that it holds; the front end removes them."""
    for child in getattr(widget, "children", ()):
        close_all(child)
    for part in ("layout", "style"):
        if (shape := getattr(widget, part, None)) is not None and hasattr(shape, "close"):
            shape.close()
    widget.close()
