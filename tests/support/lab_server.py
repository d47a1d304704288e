"""The Jupyter server of the browser tests: one process that serves JupyterLab and Notebook 7, with folders of its own.

Starting is tried again, for another process may have taken the port meanwhile; nothing else is.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from support.services import as_user, free_port

ATTEMPTS = 3
START_TIMEOUT_S = 120
SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True},
    "docmanager-extension/plugin": {"autosave": False},
    "notebook-extension/tracker": {"windowingMode": "none"},
}
FOLDERS = {
    "JUPYTER_CONFIG_DIR": "config",
    "JUPYTER_DATA_DIR": "data",
    "JUPYTER_RUNTIME_DIR": "runtime",
    "JUPYTERLAB_SETTINGS_DIR": "settings",
    "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
    "IPYTHONDIR": "ipython",
    "VICTOR_HOME": "victor-home",
}


class LabServer:
    """Serves the notebooks of `root` until `stop()`."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        self.root.mkdir()
        self.token = secrets.token_hex(16)
        self._folder = folder
        _write_settings(folder)
        for attempt in range(1, ATTEMPTS + 1):
            port = free_port()
            self.url = f"http://127.0.0.1:{port}"
            self._process = self._serve(port)
            if self._is_ready():
                return
            self.stop()
            if attempt == ATTEMPTS:
                raise RuntimeError(f"JupyterLab did not start:\n{self._log.read_text(encoding='utf-8')[-3000:]}")

    @property
    def _log(self) -> Path:
        return self._folder / "server.log"

    def _serve(self, port: int) -> subprocess.Popen[bytes]:
        arguments = [
            "--no-browser",
            "--ip=127.0.0.1",
            f"--port={port}",
            "--ServerApp.port_retries=0",
            f"--IdentityProvider.token={self.token}",
            "--ServerApp.allow_root=True",
            f"--ServerApp.root_dir={self.root}",
            "--LabApp.expose_app_in_browser=True",
            "--JupyterNotebookApp.expose_app_in_browser=True",
        ]
        with self._log.open("wb") as log:
            return subprocess.Popen(
                [*as_user(None, dies_with_parent=True), sys.executable, "-m", "jupyterlab", *arguments],
                cwd=self.root,
                env=_environment(self._folder),
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def _is_ready(self) -> bool:
        request = urllib.request.Request(f"{self.url}/api/status", headers={"Authorization": f"token {self.token}"})
        deadline = time.monotonic() + START_TIMEOUT_S
        while self._process.poll() is None and time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(request, timeout=5):
                    return True
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.1)
        return False

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _environment(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    return kept | {name: str(folder / part) for name, part in FOLDERS.items()}


def _write_settings(folder: Path) -> None:
    for name, values in SETTINGS.items():
        path = folder / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values), encoding="utf-8")
