"""`%victor doctor`: one screen that says what works here, and what to do about the rest.

Each check looks at one thing and says `ok` or what to do. A check that fails itself is a finding, never an error: it
is run when something is wrong. No key is ever shown, nothing is sent to a model.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from victor_nb.errors import VictorError, did_you_mean
from victor_nb.exporters.deliveries import HELD_BACK
from victor_nb.frames.dashboard_view import exporter_name
from victor_nb.host import lent
from victor_nb.notebook.verbs import doctor_setup
from victor_nb.notebook.verbs.analytics import place_of
from victor_nb.notebook.verbs.cassette import recordings_found
from victor_nb.notebook.verbs.doctor_setup import version_of
from victor_nb.notebook.verbs.export import told
from victor_nb.notebook.verbs.finding import Check, Finding
from victor_nb.notebook.words import Wait, size_of
from victor_nb.protocols import IStoreUpkeep

if TYPE_CHECKING:
    from victor_nb.protocols import IChatModel, IEventStore, KernelRun, Outbox
    from victor_nb.session import Session

log = logging.getLogger(__name__)
_WIDTH: Final = 10
_SHOWN_EXPORTERS: Final = 10


def examine(session: Session, wait: Wait) -> str:
    """All findings, a line each, and a line of advice below those that are not ok."""
    lines: list[str] = []
    for name, check in _CHECKS.items():
        for number, finding in enumerate(_guarded(check, session, wait)):
            lines.append(f"{'✓' if finding.ok else '✗'} {'' if number else name:{_WIDTH}} {finding.text}")
            lines += [f"  {'':{_WIDTH}} → {finding.advice}"] if finding.advice else []
    return "\n".join(lines)


def _guarded(check: Check, session: Session, wait: Wait) -> list[Finding]:
    try:
        return list(check(session, wait))
    except VictorError as error:
        return [Finding(error.message, error.hint or "see the message")]
    except Exception as error:
        log.exception("%s could not be checked", check.__name__)
        return [Finding(f"{type(error).__name__}: {error}", "this is a bug of victor_nb; please report it")]


def _front_end(session: Session, wait: Wait) -> Iterable[Finding]:
    host = lent()
    if host is None:
        yield Finding("the extension is not loaded", "%load_ext victor_nb")
        return
    shell: Any = getattr(host, "shell", None)
    origin = host.turn_origin()
    notebook = origin.get("notebook")
    where = f"notebook {notebook}" if notebook else "the notebook's path is not known: frames are about this kernel"
    yield Finding(f"{_front_end_of(shell)} · {where}")


def _front_end_of(shell: Any) -> str:
    if not hasattr(shell, "kernel"):
        return "terminal"
    if "google.colab" in sys.modules:
        return "Google Colab"
    if "VSCODE_PID" in os.environ or "__vsc_ipynb_file__" in shell.user_ns:
        return "VS Code"
    return "Jupyter" if os.environ.get("JPY_SESSION_NAME") else "a kernel (front end not known)"


def _settings(session: Session, wait: Wait) -> Iterable[Finding]:
    from victor_nb.config.settings import Settings

    explained = Settings().explain()
    given = [f"{name} ({origin})" for name, (_, origin) in explained.items() if origin != "default"]
    yield Finding(", ".join(given) or "all defaults")
    for variable in _unknown_variables(explained):
        name = variable.removeprefix("VICTOR_").lower()
        yield Finding(
            f"{variable} is no setting and is ignored.{did_you_mean(name, explained)}", f"rename or unset {variable}"
        )


def _unknown_variables(known: Iterable[str]) -> Sequence[str]:
    from victor_nb.config.sources import environment_names
    from victor_nb.isolation import OTHERS, PREFIX

    ours = {name for name in environment_names() if name.startswith(PREFIX) and not name.startswith(OTHERS)}
    return sorted(ours - {f"{PREFIX}{name.upper()}" for name in known})


def _model(session: Session, wait: Wait) -> Iterable[Finding]:
    model: IChatModel = wait(session.orchestrator.resolve_model())
    if model.provider == "demo":
        yield Finding("demo, which is no AI", "set a key such as ANTHROPIC_API_KEY, then %victor use anthropic")
        return
    window = f"{model.context_window:,} tokens" if model.context_window else "of unknown size"
    at = f" at {model.base_url}" if model.base_url else ""
    yield Finding(f"{model.provider}:{model.name}{at} · {_key_of(model.provider)} · window {window}")


def _key_of(provider: str) -> str:
    from victor_nb.models.catalog import PROVIDERS
    from victor_nb.models.keys import environment

    names = PROVIDERS[provider].env_keys if provider in PROVIDERS else ()
    there = next((name for name in names if environment().get(name)), None)
    return f"key in {there}" if there else "key not needed, or given elsewhere"


def _store(session: Session, wait: Wait) -> Iterable[Finding]:
    from victor_nb.store.postgres import PostgresStore

    store = session.store
    flushed = store.flush(5.0)
    if store.degraded and isinstance(store, PostgresStore):
        advice = "events wait on this computer, and are brought to the server when it can be reached"
        yield Finding(store.degraded, advice)
    elif store.degraded:
        advice = "free the disk or repair the file, then restart the kernel; copy the frames you need before"
        yield Finding(f"{place_of(store)}: in memory only, for {store.degraded}", advice)
    elif not flushed:
        yield Finding(f"{place_of(store)}: writing takes longer than 5 s", "is the disk full, slow or far away?")
    else:
        size = f" · {size_of(store.size_bytes())}" if isinstance(store, IStoreUpkeep) else ""
        yield Finding(f"{place_of(store)}{size}{_schema_of(store)}")


def _schema_of(store: IEventStore) -> str:
    """An open store has the schema of this version of victor_nb: an older one is migrated, a newer one refused."""
    from victor_nb.store import SQLiteStore
    from victor_nb.store.schema import VERSION

    return f" · schema {VERSION}" if isinstance(store, SQLiteStore) and store.path else ""


def _record(session: Session, wait: Wait) -> Iterable[Finding]:
    store = session.store
    run = next((run for run in store.runs() if run.id == store.kernel_run_id), None)
    if run is None:
        yield Finding("nothing recorded in this kernel yet")
        return
    accepted, stored, pruned = store.accepted, _stored(store, run), run.pruned_seq
    counts = f"{accepted:,} events of this kernel recorded, {stored:,} stored"
    counts += f", up to number {pruned:,} deleted on purpose" if pruned else ""
    if stored + pruned >= accepted:
        yield Finding(f"{counts}: nothing lost")
    else:
        yield Finding(f"{counts}: {accepted - stored - pruned:,} missing", "see vn.analytics.turns().attrs['victor']")


def _stored(store: IEventStore, run: KernelRun) -> int:
    if run.stored is not None:
        return run.stored
    from victor_nb.protocols import EventQuery

    return len(store.read(EventQuery(kernel_run_ids=[run.id])))


def _exporters(session: Session, wait: Wait) -> Iterable[Finding]:
    by_name: dict[str, list[Outbox]] = {}
    for outbox in session.store.outboxes():
        by_name.setdefault(outbox.exporter, []).append(outbox)
    if not by_name:
        yield Finding("none; vn.add_exporter(…) adds one")
    for name, outboxes in list(by_name.items())[:_SHOWN_EXPORTERS]:
        yield _exporter(name, outboxes, session.store.kernel_run_id)
    if len(by_name) > _SHOWN_EXPORTERS:
        yield Finding(f"and {len(by_name) - _SHOWN_EXPORTERS} more: %victor export")


def _exporter(name: str, outboxes: Sequence[Outbox], this_run: str) -> Finding:
    delivered, pending, dead = (
        sum(getattr(box, part) for box in outboxes) for part in ("delivered", "pending", "dead")
    )
    error = next((box.last_error for box in reversed(outboxes) if box.last_error), None)
    text = f"{exporter_name(name)}: {told(delivered, pending, dead, error)}"
    if dead:
        return Finding(text, "mend what the destination refuses, then %victor export retry")
    if error and error != HELD_BACK:
        return Finding(text, "it is tried again by itself; %victor export now tries at once")
    if pending and not error and not any(box.owner == this_run for box in outboxes if box.pending):
        return Finding(text, "add the exporter again, and what an earlier kernel left is delivered")
    return Finding(text)


def _plots(session: Session, wait: Wait) -> Iterable[Finding]:
    if find_spec("matplotlib"):
        yield Finding(f"matplotlib {version_of('matplotlib')}")
    else:
        yield Finding("matplotlib is not installed", 'pip install "victor-nb[lab]"')


_CHECKS: Final[dict[str, Check]] = {
    "victor_nb": doctor_setup.versions,
    "extras": doctor_setup.extras,
    "front end": _front_end,
    "widgets": doctor_setup.widgets,
    "settings": _settings,
    "keys": doctor_setup.keys,
    "model": _model,
    "answers": recordings_found,
    "store": _store,
    "record": _record,
    "exporters": _exporters,
    "plots": _plots,
}
