"""Cells that show hostile texts everywhere where victor_nb shows a text that somebody else wrote."""

from __future__ import annotations

import json
from pathlib import Path

from support.llm_server import LLMServer

SETUP = """
import json
import pandas as pd
pd.options.display.max_colwidth = pd.options.display.max_rows = None
%load_ext victor_nb
%victor use {url}#m
import victor_nb as vn
texts = json.load(open({corpus!r}))
hostile = "  ".join(texts)
df = pd.DataFrame({{text: [text] for text in texts if text.isprintable()}})

@vn.tool
def echo(text: str) -> str:
    return text

@vn.tool
def boom(text: str) -> str:
    raise ValueError(text)

@vn.tool(requires_approval=True)
def delete(text: str) -> str:
    return text

class Refusing:
    async def export(self, events):
        return vn.ExportResult(success=False, exported_count=0, error=hostile)

vn.add_exporter(Refusing())
"""
ALONE = """
from victor_nb.messages import ChatResponse, Usage
for text in texts:
    display(ChatResponse(text, Usage(1, 1), "m", "openai", "s", "t"))
"""
NAMES = """
for text in texts:
    name = "".join(c for c in text if c.isprintable())[:200]
    _ = await vn.orchestrator.chat("Hi", session_id=name, tags={"variant": text})
"""
ERRORS = """
for _ in range(%d):
    try:
        await vn.orchestrator.chat("Hi", session_id="errors")
    except vn.VictorError:
        get_ipython().showtraceback()
"""
FRAMES = """
frames = [vn.analytics.turns(expand_tags=True), vn.analytics.tool_calls(content=True), vn.analytics.sessions()]
frames += [vn.analytics.summary(by=by)[["turns"]] for by in ("model", "tag:variant", "session_id")]
for frame in [*frames, vn.conversation.search("RUN"), vn.conversation.to_dataframe()]:
    display(frame[[name for name in frame if frame[name].dtype == "string"]])
display(vn.analytics, vn.conversation)
"""
INTERPOLATED = "%%victor\nLook at {{ df }}, {{ hostile }} and {{ texts }}"
VERBS = """
verbs = "context --last,context,sessions,tools,prompt,analytics model,search script,records,transcript,export,doctor"
for verb in verbs.split(","):
    display(get_ipython().run_line_magic("victor", verb))
"""
ANSWER, PANEL, APPROVAL = 1, 9, 11


def ask_for_approval(server: LLMServer, texts: list[str]) -> None:
    """Have the next question answered by calls of `delete`."""
    texts = [text.encode("utf-8", "replace").decode() for text in texts]
    server.reply(tool_calls=[("delete", {"text": "\n".join(texts[at::3])}, f"d{at}") for at in range(3)])


def hostile_cells(server: LLMServer, texts: list[str], folder: Path) -> list[str]:
    """The sources of the cells; what the model answers to them is scripted on the server. The last one asks for a word
    before it runs a tool."""
    path = folder / "hostile.json"
    path.write_text(json.dumps(texts), encoding="utf-8")
    texts = [text.encode("utf-8", "replace").decode() for text in texts]  # as HTTP can carry them
    whole, some = "\n\n".join(texts), ["\n".join(texts[at::12]) for at in range(12)]
    server.reply(chunks=tuple(whole[at : at + 60] for at in range(0, len(whole), 60)))
    server.reply("Look:", tool_calls=[("echo", {"text": text}, f"e{n}") for n, text in enumerate(some)])
    server.reply(tool_calls=[("boom", {"text": text}, f"b{n}") for n, text in enumerate(some)])
    server.reply(tool_calls=[(text, {text: text}, f"n{n}") for n, text in enumerate(texts[::5])])
    server.reply(whole)
    for text in texts:
        server.reply("Hello", model=text)
    for number in range(0, len(texts), 2):
        said = " ".join(texts[number : number + 2])
        server.reply(status=400 + number // 2 % 2, error=said if number % 3 else {"error": said})
    server.reply(whole)
    ask_for_approval(server, texts)
    return [
        SETUP.format(url=server.openai_url, corpus=str(path)),
        "%%victor -o answer\nTell me",
        ALONE,
        "%%victor\nUse the tools",
        "answer",
        NAMES,
        ERRORS % len(range(0, len(texts), 2)),
        FRAMES,
        INTERPOLATED,
        "%victor panel",
        VERBS,
        "%%victor\nDelete it",
    ]
