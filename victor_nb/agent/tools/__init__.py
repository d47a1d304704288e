"""Functions that a model may call: from the marked function to the outcome of a call.

`toolbox` defines tools and holds a turn's; `schema`, `docs` and `annotations` read what a model is told of a function;
`dispatch` makes a call, and `text`, `tables` and `images` say its result; `sources` and `mcp` bring tools in from
elsewhere.
"""

from victor_nb.agent.tools.approval import Approve
from victor_nb.agent.tools.dispatch import Around, CallSite
from victor_nb.agent.tools.outcome import ToolInterrupted, ToolOutcome
from victor_nb.agent.tools.toolbox import Tool, Toolbox, ToolOptions, tool

__all__ = ["Approve", "Around", "CallSite", "Tool", "ToolInterrupted", "ToolOptions", "ToolOutcome", "Toolbox", "tool"]
