"""`%victor doctor` in kernels where things are as they should be, and where they are not."""

from __future__ import annotations

import tomllib
from pathlib import Path

from support.cells import run_ok
from support.kernels import Kernel, start_kernel

from victor_nb.notebook.verbs.doctor_setup import EXTRAS

DEAD = """
class Dead:
    destination = "x"
    def export(self, events):
        raise ConnectionError("nobody there")
vn.add_exporter(Dead())
"""


def told(kernel: Kernel) -> dict[str, str]:
    """What the doctor says, by check; advice stands behind its line."""
    lines = run_ok(kernel, "%victor doctor").stdout.splitlines()
    found: dict[str, str] = {}
    for line in lines:
        name = line[2:12].strip() or name  # noqa: F821 (the first line has a name)
        found[name] = f"{found.get(name, '')}{line[0]} {line[13:]}\n"
    return found


def sick_kernel(folder: Path, **environment: str) -> Kernel:
    kernel = start_kernel(folder, {"VICTOR_HOME": str(folder / "home"), "OLLAMA_HOST": "127.0.0.1:1"} | environment)
    run_ok(kernel, "%load_ext victor_nb")
    return kernel


def test_all_is_well(chat: Kernel) -> None:
    run_ok(chat, "%%victor\nHi")
    found = told(chat)
    first = ["victor_nb", "extras", "front end", "widgets", "settings", "keys", "model", "answers"]
    assert list(found) == [*first, "store", "record", "exporters", "plots"]
    assert "✗" not in "".join(found.values())
    assert "openai-chat:m" in found["model"]
    assert "nothing lost" in found["record"]
    assert "victor.db" in found["store"]
    assert "schema" in found["store"]


def test_a_key_is_named_and_never_shown(tmp_path: Path) -> None:
    kernel = sick_kernel(tmp_path, ANTHROPIC_API_KEY="sk-ant-very-secret", VICTOR_MODEL="anthropic")
    try:
        done = run_ok(kernel, "%victor doctor").stdout
        assert "key in ANTHROPIC_API_KEY" in done
        assert "ANTHROPIC_API_KEY (environment)" in done
        assert "very-secret" not in done
    finally:
        kernel.close()


def test_a_missing_key_is_told_with_what_to_do(tmp_path: Path) -> None:
    kernel = sick_kernel(tmp_path, VICTOR_MODEL="openai")
    try:
        model = told(kernel)["model"]
        assert model.startswith("✗")
        assert "OPENAI_API_KEY" in model
        assert "→" in model
    finally:
        kernel.close()


def test_settings_that_cannot_be_used_do_not_stop_the_doctor(tmp_path: Path) -> None:
    kernel = sick_kernel(tmp_path, VICTOR_TEMPERATURE="hot", VICTOR_MODLE="demo")
    try:
        found = told(kernel)
        assert "env VICTOR_TEMPERATURE" in found["settings"]
        assert found["settings"].startswith("✗")
        assert found["plots"].startswith("✓")
        run_ok(kernel, "import os; del os.environ['VICTOR_TEMPERATURE']")
        assert "VICTOR_MODLE is no setting and is ignored. Did you mean 'model'?" in told(kernel)["settings"]
    finally:
        kernel.close()


def test_a_disk_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file where the folder should be")
    kernel = sick_kernel(tmp_path)
    try:
        run_ok(kernel, "%%victor -m demo\nHi")
        store = told(kernel)["store"]
        assert store.startswith("✗")
        assert "in memory only" in store
        assert "→ free the disk" in store
    finally:
        kernel.close()


def test_a_server_that_is_away_is_told_with_where_events_wait(tmp_path: Path) -> None:
    kernel = sick_kernel(tmp_path, VICTOR_STORE="postgresql://ada:enigma@127.0.0.1:1/lab")
    try:
        assert "Analytics wait in" in run_ok(kernel, "%%victor -m demo\nHi").stderr
        store = told(kernel)["store"]
        assert store.startswith("✗ the PostgreSQL database lab on 127.0.0.1 cannot be reached")
        assert "→ events wait on this computer" in store
        assert "in memory" not in store
    finally:
        kernel.close()


def test_an_exporter_that_fails_is_told_with_its_error(chat: Kernel) -> None:
    run_ok(chat, DEAD)
    run_ok(chat, "await vn.orchestrator.chat('Hi')")
    run_ok(chat, "analytics = vn.orchestrator.analytics_coordinator\nawait analytics.export_analytics()")
    exporters = told(chat)["exporters"]
    assert "Dead:x: 0 delivered" in exporters
    assert "ConnectionError: nobody there" in exporters
    assert "→ it is tried again by itself" in exporters
    run_ok(chat, "for one in analytics.exporters: analytics.remove_exporter(one)")


WRONG_VERSION = """
from importlib import metadata
real = metadata.version
metadata.version = lambda name: {"pandas": "1.5", "ipykernel": "7.1.0"}.get(name) or real(name)
"""
NO_EXTENSION = """
import jupyter_core.paths
paths = jupyter_core.paths.jupyter_path
jupyter_core.paths.jupyter_path = lambda *parts: []
"""


def test_a_version_that_is_not_supported_and_a_missing_extension_are_told(chat: Kernel) -> None:
    run_ok(chat, WRONG_VERSION + NO_EXTENSION)
    found = told(chat)
    assert "✗ pandas 1.5 is not supported, but >=2.2" in found["victor_nb"]
    assert '→ pip install "pandas>=2.2"' in found["victor_nb"]
    assert "JupyterLab's extension for it is missing" in found["widgets"]
    assert "→ pip install jupyterlab_widgets" in found["widgets"]
    assert "ipykernel 7.1.0: buttons answer while a cell runs in JupyterLab" in found["widgets"]
    run_ok(chat, "metadata.version, jupyter_core.paths.jupyter_path = real, paths")


def test_an_old_extension_does_not_match(chat: Kernel, tmp_path: Path) -> None:
    manager = tmp_path / "labextensions" / "@jupyter-widgets" / "jupyterlab-manager"
    manager.mkdir(parents=True)
    (manager / "package.json").write_text('{"version": "3.1.11"}')
    run_ok(chat, f"import os; os.environ['JUPYTER_PATH'] = {str(tmp_path)!r}")
    assert "✗ ipywidgets 8" in told(chat)["widgets"]
    assert "extension for it is 3.1.11" in told(chat)["widgets"]


def test_every_extra_is_looked_at() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert set(EXTRAS) == set(project["optional-dependencies"]) - {"all", "test"}
