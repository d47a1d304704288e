"""The Chat panel in a real JupyterLab: typed into, streaming beside a cell, stopped, asked for its word, made again."""

from __future__ import annotations

from support.lab import Lab

SETUP = """
%load_ext victor_nb
import asyncio, time
import victor_nb as vn
from victor_nb.testing import ScriptedModel
deleted = []
@vn.tool(requires_approval=True)
def delete(path: str) -> str:
    "Delete a file."
    print("deleting", path)
    deleted.append(path)
    return "gone"
"""


def look(lab: Lab) -> None: ...
