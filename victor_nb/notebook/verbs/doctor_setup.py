"""What `%victor doctor` says of the installation: versions against what is supported, extras, widgets in the front end,
and where keys are. It looks at what is installed beside the kernel; a server of its own environment it cannot see.
"""

from __future__ import annotations

import asyncio
import json
import platform
from collections.abc import Iterable, Iterator
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from victor_nb.host import lent
from victor_nb.notebook.verbs.finding import Finding
from victor_nb.notebook.words import Wait

if TYPE_CHECKING:
    from victor_nb.session import Session

_OURS: Final = "victor-nb"
_LIBRARIES: Final = ("ipython", "ipykernel", "jupyterlab", "notebook", "pandas", "pydantic-ai-slim")
EXTRAS: Final = {
    "google": "google-genai",
    "keyring": "keyring",
    "lab": "matplotlib",
    "mcp": "fastmcp-slim",
    "otel": "opentelemetry-exporter-otlp-proto-http",
    "postgres": "asyncpg",
    "sql": "sqlalchemy",
}
"""The extras, each with a package that it brings."""
_MANAGER: Final = "@jupyter-widgets/jupyterlab-manager/package.json"
_STOP: Final = "the kernel's interrupt stops an answer at any time"


def versions(session: Session, wait: Wait) -> Iterable[Finding]:
    libraries = [f"{name} {version}" for name in _LIBRARIES if (version := version_of(name))]
    yield Finding(f"{version_of(_OURS)} · Python {platform.python_version()} · {' · '.join(libraries)}")
    yield from _unsupported()


def version_of(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _unsupported() -> Iterator[Finding]:
    """What is installed in a version that is not supported, and what should be there and is not."""
    if not find_spec("packaging") or version_of(_OURS) is None:
        return
    from packaging.requirements import Requirement

    for text in dict.fromkeys(line.partition(";")[0].strip() for line in metadata.requires(_OURS) or ()):
        wanted = Requirement(text)
        found = version_of(wanted.name)
        if found is None and text in (metadata.requires(_OURS) or ()):
            yield Finding(f"{wanted.name} is not installed", f'pip install "{text}"')
        elif found is not None and not wanted.specifier.contains(found, prereleases=True):
            yield Finding(f"{wanted.name} {found} is not supported, but {wanted.specifier}", f'pip install "{text}"')


def extras(session: Session, wait: Wait) -> Iterable[Finding]:
    there = [name for name, package in EXTRAS.items() if version_of(package)]
    missing = [name for name in EXTRAS if name not in there]
    advice = f'not installed: {", ".join(missing)} (pip install "victor-nb[{missing[0]}]")' if missing else ""
    yield Finding("; ".join(part for part in (", ".join(there) or "none", advice) if part))


def widgets(session: Session, wait: Wait) -> Iterable[Finding]:
    """Whether panels can be shown, and whether their buttons are heard while a cell runs."""
    version = version_of("ipywidgets")
    if version is None:
        yield Finding("ipywidgets is not installed", 'pip install "ipywidgets>=8.1"')
        return
    yield _manager(version)
    host = lent()
    if hasattr(getattr(host, "shell", None), "kernel"):
        yield Finding(_buttons())


def _manager(ipywidgets: str) -> Finding:
    """JupyterLab's half of ipywidgets, which belongs into the environment of the server."""
    found = _manager_version()
    text = f"ipywidgets {ipywidgets}"
    if not any(map(version_of, ("jupyterlab", "notebook"))):
        return Finding(f"{text}; the server is in another environment, which needs jupyterlab_widgets 3, too")
    if found is None:
        advice = "pip install jupyterlab_widgets, then restart the server and reload the page"
        return Finding(f"{text}, but JupyterLab's extension for it is missing", advice)
    # ipywidgets 7 spoke to manager 3, and ipywidgets 8 speaks to manager 5
    if int(found.partition(".")[0]) < 5:
        advice = "pip install -U ipywidgets jupyterlab_widgets, then restart the server and reload the page"
        return Finding(f"{text}, but JupyterLab's extension for it is {found}", advice)
    return Finding(f"{text} · JupyterLab's extension for it {found}")


def _manager_version() -> str | None:
    from jupyter_core.paths import jupyter_path

    for folder in jupyter_path("labextensions"):
        path = Path(folder) / _MANAGER
        if path.is_file():
            found: Any = json.loads(path.read_text(encoding="utf-8"))
            return str(found.get("version") or "0")
    return None


def _buttons() -> str:
    """As measured; docs/decisions.md says more."""
    version = version_of("ipykernel") or "0"
    major, minor = (int(part) for part in f"{version}.0".split(".")[:2])
    if major < 7:
        when = "when the cell is over"
    elif (major, minor) < (7, 4):
        when = "while a cell runs in JupyterLab, elsewhere when it is over or awaits"
    else:
        when = "when the cell is over, or awaits"
    return f"ipykernel {version}: buttons answer {when}; {_STOP}"


def keys(session: Session, wait: Wait) -> Iterable[Finding]:
    """Which keys are there and where, never what they are."""
    found = wait(asyncio.to_thread(_places))
    place = "; the keyring is asked, too" if version_of("keyring") else ""
    yield Finding(f"{', '.join(f'{name} ({where})' for name, where in found) or 'none'}{place}")


def _places() -> list[tuple[str, str]]:
    from victor_nb.models.keys import KEY_NAMES, environment

    env = environment()
    return [(name, place) for name in sorted(KEY_NAMES) if (place := env.place_of(name))]
