"""`%%victor --dry-run`: what the question would send, shown below the cell, and nothing sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from victor_nb.messages import new_id
from victor_nb.notebook.answers.publisher import IPythonPublisher
from victor_nb.notebook.answers.request_view import preview_html, preview_text
from victor_nb.notebook.kernel.waiting import wait
from victor_nb.notebook.words import say

if TYPE_CHECKING:
    from collections.abc import Mapping

    from IPython.core.interactiveshell import InteractiveShell

    from victor_nb.agent.orchestrator import AgentOrchestrator


def dry_run(
    shell: InteractiveShell,
    orchestrator: AgentOrchestrator,
    prompt: str,
    arguments: Mapping[str, Any],
    output: str | None,
) -> None:
    """`arguments` are those of `chat`; the preview is bound to the variable `output`.

    Raises:
        VictorError: what `chat` would raise before it sends anything.
        AnswerInterrupted: the user interrupted.
    """
    preview = wait(orchestrator.preview_chat(prompt, **arguments))
    if output:
        cast("Any", shell).push({output: preview})
    text = preview_text(preview)
    if hasattr(shell, "kernel"):
        IPythonPublisher(shell).show({"text/html": preview_html(preview), "text/plain": text}, new_id("display"))
    else:
        say(text)
