"""Asking the person in front of the notebook. The question stands below the cell that runs, as that of `input()` does;
where nobody can answer, as under nbclient, there is no answer.
"""

from __future__ import annotations

YES = frozenset({"y", "yes"})


def ask(question: str) -> str | None:
    """What was typed, in small letters; None where nothing can be. Call it on the main thread.

    Raises:
        KeyboardInterrupt: the user interrupted, which is no answer.
    """
    try:
        return input(question).strip().lower()
    except (EOFError, NotImplementedError, RuntimeError):  # IPython's StdinNotImplementedError is the second
        return None
