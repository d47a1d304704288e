"""The values of `{{ expressions }}` in a question that was asked in the panel: evaluated where cells run, when no cell
does."""

from __future__ import annotations

from functools import partial
from typing import Any, cast

from victor_nb.host import lent
from victor_nb.notebook.kernel.kernel_host import KernelHost
from victor_nb.notebook.variables.interpolate import Question, interpolate


async def with_values(text: str) -> Question:
    """For a turn that a desk is open for, which takes what is printed.

    Raises:
        UsageError: an expression cannot be evaluated.
    """
    host = lent()
    if "{{" not in text or not isinstance(host, KernelHost):
        return Question(text)
    return await host.bridge.run_here(partial(_evaluated, text, cast("Any", host.shell).user_ns))


def _evaluated(text: str, namespace: dict[str, Any]) -> Question:
    question = interpolate(text, namespace)
    for note in question.notes:
        print(note)  # noqa: T201
    return question
