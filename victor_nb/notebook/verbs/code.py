"""`%victor paste`: the code of the last answer, into the next cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from victor_nb.errors import UsageError
from victor_nb.host import lent
from victor_nb.messages import CodeBlock, code_blocks
from victor_nb.notebook.code_cells import counted, joined, put, python_of, take_offer
from victor_nb.notebook.grammar.arguments import parse_words
from victor_nb.notebook.kernel.kernel_host import KernelHost
from victor_nb.notebook.words import Wait, confirm, say, whole_number

if TYPE_CHECKING:
    from victor_nb.session import Session

_HINT = "as %victor paste, or %victor paste 2 for the second block"


def paste(session: Session, words: list[str], wait: Wait) -> None:
    """
    Raises:
        UsageError: there is no answer with code, or no such block.
    """
    found = parse_words(
        "%victor paste", words, _HINT, ("number", {"nargs": "?"}), ("--print", {"action": "store_true"})
    )
    blocks = code_blocks(take_offer() or _last_answer(session))
    chosen = _chosen(blocks, found.number)
    host = lent()
    if found.print or not isinstance(host, KernelHost):
        say(joined(chosen))
        return
    put(host.shell, chosen)
    confirm(session, f"{counted(len(chosen))} in the next cell. If there is none: %victor paste --print")


def _last_answer(session: Session) -> str:
    """Of this kernel; else of the session that the notebook is in, as it was kept."""
    orchestrator = session.orchestrator
    if orchestrator.last_response:
        return orchestrator.last_response.content
    log = orchestrator.context_coordinator.conversation(orchestrator.session_id).log
    answers = [message.content for message in log if message.role == "assistant" and message.content]
    return answers[-1] if answers else ""


def _chosen(blocks: tuple[CodeBlock, ...], number: str | None) -> list[CodeBlock]:
    if not blocks:
        raise UsageError("%victor paste: the last answer has no code block.", hint="ask for code first")
    if number is None:
        return python_of(blocks) or list(blocks)
    place = whole_number(number) or 0
    if not 1 <= place <= len(blocks):
        has = "1 code block" if len(blocks) == 1 else f"{len(blocks)} code blocks, 1 to {len(blocks)}"
        raise UsageError(f"%victor paste: no block {number}; the last answer has {has}.", hint=_HINT)
    return [blocks[place - 1]]
