"""The verbs of `%victor` and what the help says of each, with the words that may follow it, for completion.

A verb is a line here, and a function in `verbs.py`. What a word in angle brackets stands for, `candidates.py` knows;
`<path>` is a file's, which IPython completes itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

VERBS: Final = {
    "use": "use MODEL: chat with this model from now on, as `%victor use anthropic:claude-sonnet-5-5`",
    "model": "model: which model is in use",
    "models": "models [WORDS]: what one can chat with, windows, prices, and where the keys are, as a DataFrame",
    "session": "session [NAME]: which conversation this notebook is in, or go to the one called NAME\n"
    "    NAME --fork NEW: go to a copy of it · NAME --read-only: look, but do not ask\n"
    "    NAME --from NOTEBOOK: go to a copy of another notebook's\n"
    "  session fork NAME NEW [--at TURN] | rename OLD NEW | delete NAME [--yes]\n"
    "  session export NAME PATH | import PATH [NAME]",
    "sessions": "sessions: all conversations of this notebook, as a DataFrame",
    "reset": "reset: forget this conversation for good (what was recorded stays)",
    "context": "context [--last]: how much of the model's window the conversation takes; the last question as sent",
    "transcript": "transcript [N | --all]: this conversation once more, its last 20 turns, or N, or all",
    "compact": "compact: make the conversation smaller now",
    "preview": "preview: what `compact` would do",
    "undo": "undo: take the last compaction back",
    "pin": "pin NUMBER | WORDS: always send this message as it is",
    "unpin": "unpin NUMBER | WORDS: take a pin back",
    "search": "search WORDS: the messages that hold them, with their numbers, as a DataFrame",
    "records": "records: the compactions of this conversation, as a DataFrame",
    "budget": "budget [USD | off]: what this kernel run may spend from now on, and what it has spent",
    "cassette": "cassette [record | replay | rewrite | verify | live | off]: answers from a recording, or to one\n"
    "    replay 1x: in the time that was recorded, 2x twice as fast · alone: where it is, and what came of it",
    "continue": "continue [FLAG …]: go on with an answer that was interrupted, cut or broke off (flags as of %%victor)",
    "tools": "tools: what the model may call, as a DataFrame",
    "prompt": "prompt: the parts of the system prompt, as a DataFrame",
    "config": "config [SETTING]: the settings and where each came from, as a DataFrame, or one of them",
    "analytics": "analytics [COLUMN …]: what the turns cost and took, by model or by these columns of `turns()`\n"
    "  analytics size | vacuum | backup PATH: how big the store is; give back what it does not use; copy it\n"
    "  analytics prune --before DATE [--undelivered]: delete old events (DATE as 2026-01-31, or an age as 90d)",
    "export": "export [status | now | retry]: where each exporter is; deliver now; try again what was refused",
    "panel": "panel [chat | context | analytics]: widgets beside the cells, live",
    "tags": "tags [NAME=VALUE …] | clear: the tags of every turn from now on",
    "explain": "explain [WORDS]: ask the model about the last exception; takes the flags of %%victor",
    "paste": "paste [N] [--print]: the Python code of the last answer, or its block N, into the next cell",
    "doctor": "doctor: what works here, and what to do about the rest",
    "help": "help [VERB]: this text, or what it says of one verb",
}

FOLLOWING: Final[Mapping[str, tuple[str, ...]]] = {
    "use": ("<model>",),
    "session": ("<session>", "fork", "rename", "delete", "export", "import", "--fork", "--from", "--read-only"),
    "session fork": ("<session>", "--at"),
    "session rename": ("<session>",),
    "session delete": ("<session>", "--yes"),
    "session export": ("<session>", "<path>"),
    "session import": ("<path>",),
    "context": ("--last",),
    "config": ("<setting>",),
    "budget": ("off",),
    "cassette": ("replay", "record", "rewrite", "verify", "live", "off"),
    "cassette replay": ("1x", "2x"),
    "continue": ("<flag>",),
    "analytics": ("<column>", "size", "vacuum", "backup", "prune"),
    "analytics backup": ("<path>",),
    "analytics prune": ("--before", "--undelivered"),
    "export": ("status", "now", "retry"),
    "panel": ("chat", "context", "analytics"),
    "tags": ("clear",),
    "transcript": ("--all",),
    "explain": ("<flag>",),
    "paste": ("--print",),
    "help": ("<verb>",),
}
"""What may follow a verb, or a verb and one of its words."""
