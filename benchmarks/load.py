"""What it costs to have victor_nb at hand: CPU seconds and new modules of `import victor_nb` and `%load_ext victor_nb`.

Each statement runs in a fresh IPython shell in a fresh process, beside the imports that a user of chatlas, LangChain
or pydantic-ai pays (left out where not installed). Targets: at most 0.05 CPU s and 40 modules.

    python benchmarks/load.py

Measured 2026-11-22, 2 cores, shared: `import victor_nb` 0.0007 CPU s and 1 module, `%load_ext` 0.008 CPU s and
13 modules; pydantic_ai.models 1.6 and 648, chatlas 1.5 and 1,045, langchain_openai 2.1 and 1,304.
"""

from __future__ import annotations

import importlib.util
import statistics

from _harness import in_fresh_process, table

RUNS = 5
SCRIPT = """
import json, sys, time
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
before, began = set(sys.modules), time.process_time()
{statement}
spent = time.process_time() - began
print(json.dumps([spent, len(set(sys.modules) - before)]))
shell.history_manager.end_session()
"""
OURS = {
    "import victor_nb": "import victor_nb",
    "%load_ext victor_nb": "shell.run_line_magic('load_ext', 'victor_nb')",
}
PEERS = ["pydantic_ai.models", "chatlas", "langchain_openai"]


def main() -> None:
    installed = [name for name in PEERS if importlib.util.find_spec(name.partition(".")[0])]
    statements = OURS | {f"import {name}": f"import {name}" for name in installed}
    runs: dict[str, list[tuple[float, int]]] = {name: [] for name in statements}
    for _ in range(RUNS):
        for name, statement in statements.items():
            runs[name].append(tuple(in_fresh_process(SCRIPT, statement=statement)))
    own = statistics.median(spent for spent, _ in runs["%load_ext victor_nb"])
    rows = [
        (name, (cpu := statistics.median(spent for spent, _ in found)), found[0][1], cpu / own)
        for name, found in runs.items()
    ]
    table(f"Loading, median of {RUNS}", ["statement", "CPU s", "new modules", "× %load_ext"], rows)


if __name__ == "__main__":
    main()
