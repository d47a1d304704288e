"""What the server imports before it forks, and which kernels may start from that: those in which the same imports would
have had the same effect. A variable that a module read, a module beside the notebook that has the name of one that is
warm, a package that was installed since: then a kernel is started from nothing.
"""

from __future__ import annotations

import builtins
import contextlib
import gc
import os
import site
import sys
import warnings
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

from victor_nb.testing.kernels.job import Job

_KERNEL: Final = "ipykernel.kernelapp"
_WITH_IT: Final = (
    "ipykernel.debugger",
    "IPython.core.completerlib",
    "IPython.core.debugger",
    "IPython.extensions.storemagic",
    "tornado.platform.asyncio",
    "tornado.queues",
    "psutil",
)
"""What a kernel imports while it starts, before a notebook's folder counts."""

_INLINE: Final = {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}
"""What a kernel gives itself before a cell can import matplotlib, which reads it then."""

_NO_THREAD: Final = {"JE_ARROW_MALLOC_CONF": "background_thread:false"}
"""In the server only. The allocator of pyarrow would not have its thread in a forked process anyway."""

_WARM: Final = (
    "victor_nb.session",
    "victor_nb.notebook.extension",
    "victor_nb.notebook.asking",
    "victor_nb.notebook.code_cells",
    "victor_nb.notebook.variables.interpolate",
    "victor_nb.notebook.variables.views.view",
    "victor_nb.notebook.verbs.run",
    "victor_nb.notebook.answers.stream",
    "victor_nb.notebook.answers.transcript",
    "victor_nb.notebook.kernel.recording",
    "victor_nb.testing.notebooks.kernel_tape",
    "victor_nb.testing.notebooks.kernel_cassette",
    "victor_nb.testing.cassettes.models",
    "victor_nb.frames.handle",
    "victor_nb.frames.summary",
    "victor_nb.frames.sessions",
    "genai_prices.data",
    "markdown_it",
    "mdit_py_plugins.footnote",
    "pydantic_settings",
    "pandas.io.formats.html",
    "pandas.io.formats.string",
    "pyarrow.pandas_compat",
    "pyarrow.json",
)
"""What nearly every notebook that chats imports. Nothing that asks at its import in which shell it is."""

_OPTIONAL: Final = (
    "matplotlib.pyplot",
    "matplotlib.backends.backend_agg",
    "IPython.core.pylabtools",
    "PIL.PngImagePlugin",
)

_READ_IN_C: Final = ("PYTHON", "LD_", "LC_", "LANG", "TZ", "MALLOC_", "JE_", "GLIBC_")
_READ_BY_LIBRARIES: Final = (
    "OMP_",
    "GOMP_",
    "KMP_",
    "OPENBLAS_",
    "GOTO_",
    "MKL_",
    "BLIS_",
    "NPY_",
    "NUMEXPR_",
    "ARROW_",
)
_TRACED: Final = ("COVERAGE_", "COV_")


class NotWarmError(Exception):
    """The server cannot be what kernels are forked from; the text says why."""


@dataclass(frozen=True)
class Warmth:
    """What was imported, and in which circumstances. `written` are variables that a starting kernel sets itself."""

    environment: Mapping[str, str]
    read: frozenset[str]
    written: Mapping[str, str]
    modules: Mapping[str, str]
    installed: frozenset[str]

    def unfit(self, job: Job) -> str | None:
        """Why a kernel for `job` must start from nothing; None when it need not."""
        if differing := self._differing(_INLINE | dict(job.environment)):
            return f"the environment variable {differing} was another one when modules were imported"
        if shadowing := self._shadowing(Path(job.folder)):
            return f"{shadowing} is in the notebook's folder"
        if _installed() != self.installed:
            return "packages were installed or removed"
        return None

    def _differing(self, environment: Mapping[str, str]) -> str | None:
        asked = {*self.read, *_by_prefix(self.environment), *_by_prefix(environment)}
        return next((name for name in sorted(asked) if self.environment.get(name) != environment.get(name)), None)

    def _shadowing(self, folder: Path) -> str | None:
        """A module there comes before an installed one; matplotlib looks for its settings there, too."""
        for entry in os.scandir(folder):
            name = entry.name.partition(".")[0]
            if entry.name == "matplotlibrc" or (name in self.modules and self._is_another(entry, name)):
                return entry.name
        return None

    def _is_another(self, entry: os.DirEntry[str], name: str) -> bool:
        found = Path(entry.path, "__init__.py") if entry.is_dir() else Path(entry.path)
        if not found.is_file() or found.suffix not in (".py", ".pyc", ".so"):
            return False
        return not found.samefile(self.modules[name])


def warm_up() -> Warmth:
    """Import, in this process.

    Raises:
        NotWarmError: kernels cannot be forked from it.
        ImportError: there is no ipykernel.
    """
    if sys.gettrace() or sys.getprofile() or any(name.startswith(_TRACED) for name in os.environ):
        raise NotWarmError("the interpreter is traced")
    environment = _INLINE | dict(os.environ)
    os.environ.update(_NO_THREAD | environment)
    with _reads() as read_cold:
        import_module(_KERNEL)
        _import_where_there(_WITH_IT)
    written = dict(os.environ.items() - (_NO_THREAD | environment).items())
    cold = _top_level(sys.modules) - {__name__.partition(".")[0]}
    with _reads() as read_warm:
        with _looking_like_a_kernel():
            import_module("pandas")
        for name in _WARM:
            import_module(name)
        _import_where_there(_OPTIONAL)
    _rest_native_threads()
    if (threads := sum(1 for _ in Path("/proc/self/task").iterdir())) > 1:
        raise NotWarmError(f"an import has left {threads - 1} threads")
    gc.collect()
    gc.freeze()  # what is shared stays shared: a collection in a kernel would write to every page of it
    origins = _origins(_top_level(sys.modules) - cold)
    return Warmth(environment, frozenset(read_cold | read_warm), written, origins, _installed())


@contextlib.contextmanager
def _looking_like_a_kernel() -> Generator[None]:
    """pandas asks at its import in which shell it is: in a terminal it would cut frames to the width of that."""
    shown: Any = builtins
    shown.get_ipython = lambda: SimpleNamespace(kernel=None)
    try:
        yield
    finally:
        del shown.get_ipython


def _import_where_there(names: Iterable[str]) -> None:
    """Other releases of IPython and of its kernel have other modules, and not everybody draws."""
    for name in names:
        with contextlib.suppress(ModuleNotFoundError):
            import_module(name)


@contextlib.contextmanager
def _reads() -> Generator[set[str]]:
    """The names of environment variables that are asked for in the block, set or not."""
    read: set[str] = set()
    kind: Any = type(os.environ)
    original = kind.__getitem__

    def noting(environment: Any, name: Any) -> Any:
        read.add(os.fsdecode(name))
        return original(environment, name)

    kind.__getitem__ = noting
    try:
        yield read
    finally:
        kind.__getitem__ = original


def _rest_native_threads() -> None:
    """Native libraries end their pools of threads before a fork, and start them again when they are used."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pid = os.fork()
    if not pid:
        os._exit(0)
    os.waitpid(pid, 0)


def _by_prefix(environment: Iterable[str]) -> set[str]:
    return {name for name in environment if name.startswith((*_READ_IN_C, *_READ_BY_LIBRARIES, *_TRACED))}


def _top_level(names: Iterable[str]) -> set[str]:
    return {name.partition(".")[0] for name in names}


def _origins(names: Iterable[str]) -> dict[str, str]:
    """Modules by name, with the file that each comes from."""
    found = {name: getattr(sys.modules[name], "__file__", None) for name in names if name in sys.modules}
    return {name: path for name, path in found.items() if path}


def _installed() -> frozenset[str]:
    folders = [Path(folder) for folder in (*site.getsitepackages(), site.getusersitepackages())]
    entries = (entry.name for folder in folders if folder.is_dir() for entry in os.scandir(folder))
    return frozenset(name for name in entries if name.endswith((".dist-info", ".egg-info", ".pth", ".egg-link")))
