"""How long a completion takes in a kernel's shell with 1,000 variables and 200 kept sessions: median and worst of each
kind of place, and the ratio of medians to IPython's own completion of a name in the same shell.

The first completion of a kind, which imports and fetches, is told apart. Target: at most 50 ms, the first one too.

    python benchmarks/completion.py

Measured 2026-11-28, 2 cores, shared by eight: medians of 0.3 to 4 ms, the worst of most under 1 (models 98), the first
of a kind 20 to 86, against 126 ms (first 3.7 s) for a name by IPython with jedi. Where nothing of ours fits, IPython's
own matchers are not asked, unless a path does.
"""

from __future__ import annotations

import statistics

from _harness import in_fresh_process, table

ROUNDS = 40
SCRIPT = """
import asyncio, json, os, tempfile, time
os.environ["VICTOR_HOME"] = tempfile.mkdtemp()
os.environ["OLLAMA_HOST"] = "127.0.0.1:1"
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.user_ns.update({{f"variable_{{number}}": [number] for number in range(1_000)}})
shell.run_line_magic("load_ext", "victor_nb")
if {sessions}:
    import victor_nb as vn
    from victor_nb.testing import ScriptedModel
    async def talk():
        orchestrator = vn.AgentOrchestrator(model=ScriptedModel(*["Yes."] * {sessions}))
        for number in range({sessions}):
            await orchestrator.chat("Is it?", session_id=f"session-{{number}}")
        orchestrator.sessions.release()
    asyncio.run(talk())
spent = []
for _ in range({rounds}):
    began = time.perf_counter()
    with provisionalcompleter():
        found = list(shell.Completer.completions({code!r}, len({code!r})))
    spent.append((time.perf_counter() - began) * 1000)
    time.sleep(0.02)
print(json.dumps([spent, len(found)]))
shell.history_manager.end_session()
"""
PLACES = {
    "a name, by IPython": "variable_99",
    "a verb": "%victor se",
    "a flag": "%%victor --",
    "a model": "%victor use open",
    "a session": "%%victor -s session-1",
    "a setting": "%victor config co",
    "a variable": "%%victor -o variable_99",
    "a function, of none": "%%victor --tools v",
    "nothing": "%victor undo ",
    "a name in {{ }}": "%%victor\nWhat is {{ variable_99",
    "an attribute in {{ }}": "%%victor\nWhat is {{ variable_99.",
}


def main() -> None:
    measured = {
        name: in_fresh_process(SCRIPT, code=code, rounds=ROUNDS, sessions=200 if "session" in name else 0)
        for name, code in PLACES.items()
    }
    own = statistics.median(measured["a name, by IPython"][0][1:])
    rows = [
        (name, count, spent[0], (median := statistics.median(spent[1:])), max(spent[1:]), median / own)
        for name, (spent, count) in measured.items()
    ]
    table("A completion, ms", ["place", "offered", "first", "median", "worst after it", "× IPython's name"], rows)


if __name__ == "__main__":
    main()
