"""`%victor tools`, `prompt` and `config`: what goes along with a question, and where each part of it comes from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from victor_nb.agent.tools import Tool
from victor_nb.agent.tools.sources import known_tools
from victor_nb.errors import UsageError, did_you_mean
from victor_nb.notebook.conversations.listing import frame_of
from victor_nb.notebook.words import Wait, refuse_more, say

if TYPE_CHECKING:
    from victor_nb.session import Session

_TOOLS = {"tool": "string", "source": "string", "approval": "string", "timeout_s": "Float64", "description": "string"}
_CONFIG = {"setting": "string", "value": "string", "source": "string", "overridden": "string"}


def tools(session: Session, words: list[str], wait: Wait) -> Any:
    refuse_more("tools", words)
    found = known_tools(session.orchestrator.tools)
    if not found:
        say("No tool is offered to the model. @vn.tool above a function offers it, --tools f in one question.")
    default = session.orchestrator.settings.tool_timeout_s
    return frame_of((_tool_row(tool, session, default) for tool in found), _TOOLS)


def _tool_row(tool: Tool, session: Session, default_s: float | None) -> dict[str, Any]:
    wanted = tool.options.requires_approval
    asks = "by its arguments" if callable(wanted) else "each call" if wanted else "not needed"
    return {
        "tool": tool.name,
        "source": _source(tool),
        "approval": "given until the kernel ends" if wanted and session.is_approved(tool.name) else asks,
        "timeout_s": default_s if tool.options.timeout_s is None else tool.options.timeout_s,
        "description": tool.spec.description,
    }


def _source(tool: Tool) -> str:
    module = getattr(tool.function, "__module__", None) or type(tool.function).__module__
    return "this notebook" if module == "__main__" else module


def prompt(session: Session, words: list[str], wait: Wait) -> Any:
    refuse_more("prompt", words)
    found = session.orchestrator.prompt_coordinator.explain(session.orchestrator.session_id)
    if found.empty:
        say("The system prompt is built with each question; in this session none has been asked yet.")
    else:
        say(f"The system prompt of the last question: about {found['tokens'].sum():,} tokens.")
    return found


def config(session: Session, words: list[str], wait: Wait) -> Any:
    """
    Raises:
        UsageError: there is no such setting.
        ConfigError: no provider of settings answered.
    """
    refuse_more("config", words[1:])
    orchestrator = session.orchestrator
    wait(orchestrator.config_coordinator.load_config(session_id=orchestrator.session_id))
    rows = _config_rows(session)
    if not words:
        return frame_of(rows, _CONFIG)
    for row in rows:
        if row["setting"] == words[0]:
            before = f", over {row['overridden']}" if row["overridden"] else ""
            say(f"{row['setting']} = {row['value']} (from {row['source']}{before})")
            return None
    known = [row["setting"] for row in rows]
    raise UsageError(f"%victor config: no setting {words[0]!r}.{did_you_mean(words[0], known)}", hint="%victor config")


def _config_rows(session: Session) -> list[dict[str, str]]:
    """The settings, then what config providers said: their word counts more."""
    orchestrator = session.orchestrator
    rows = {
        name: {"setting": name, "value": _as_text(value), "source": origin, "overridden": ""}
        for name, (value, origin) in orchestrator.settings.explain().items()
    }
    for key, value, provider, others in orchestrator.config_coordinator.explain(
        session_id=orchestrator.session_id
    ).itertuples(index=False):
        own = rows.get(key)
        lower = [others] if others else []
        lower += [f"{own['source']}: {own['value']}"] if own else []
        rows[key] = {"setting": key, "value": value, "source": provider, "overridden": "; ".join(lower)}
    return list(rows.values())


def _as_text(value: object) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except TypeError:
        return str(value)
