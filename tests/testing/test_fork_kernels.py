"""Kernels that are forked from a warm one: the same as plain ones, each for itself, and gone when they are over."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest
from jupyter_client.manager import KernelManager
from nbclient import NotebookClient
from support.kernels import Kernel, start_kernel

from victor_nb.testing.kernels.choice import forked_kernels, stop

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux only")

FORKED = "import os; 'kernels.server' in open(f'/proc/{os.getppid()}/cmdline').read()"
CELLS = (
    "import asyncio, logging, os, random, signal, subprocess, sys, threading, warnings",
    "print('out'); print('err', file=sys.stderr); os.system('echo from below'); 'value'",
    "__name__, sys.argv[0], sys.argv[1::3], sys.orig_argv[:3], sys.path, sys.flags, os.getcwd()",
    "dict(sorted(os.environ.items()))",
    "os.getsid(0) == os.getpgrp() == os.getpid(), [signal.getsignal(n) for n in (2, 15, 17)], os.read(0, 9)",
    "for f in (sys.__stdin__, sys.__stdout__, sys.__stderr__):\n"
    "    print(f.name, f.mode, f.encoding, f.errors, f.line_buffering)",
    "subprocess.run(['sh', '-c', 'pwd; echo $COLOUR; ulimit -n'], capture_output=True, text=True).stdout",
    "import multiprocessing\nfor way in ('fork', 'spawn'):\n"
    "    with multiprocessing.get_context(way).Pool(2) as pool:\n        print(pool.map(abs, [-1, 2]))",
    "def speak():\n    print('from a thread')\nthread = threading.Thread(target=speak); thread.start(); thread.join()",
    "await asyncio.sleep(0.01); asyncio.get_running_loop().is_running()",
    "input('Your name?')",
    "1 / 0",
    "warnings.warn('a warning'); logging.getLogger().handlers, logging.warning('logged'), logging.root.level",
    "warnings.warn('deprecated', DeprecationWarning)",
    "import ipywidgets; ipywidgets.IntSlider(3)",
    "import pandas as pd; pd.DataFrame({f'one of many columns, {n}': [n] for n in range(9)})",
    "import matplotlib, matplotlib.pyplot as plt; plt.plot([1, 2]); matplotlib.get_backend()",
    "%load_ext victor_nb\n%victor use demo",
    "%%victor -o answer\nWho are you?",
    "import victor_nb as vn; vn.analytics.turns()[['model', 'status', 'cell_id']]",
    "def double(x):\n    return 2 * x\nimport pickle; pickle.loads(pickle.dumps(double))(4), double.__module__",
    "%config InlineBackend.figure_formats\n%who_ls",
)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """An environment that stays the same, as it does for the notebooks of one run, with one warm server."""
    home = tmp_path_factory.mktemp("home")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("VICTOR_", "PYTEST_"))}
    own = {"VICTOR_HOME": str(home / "victor"), "XDG_CONFIG_HOME": str(home), "IPYTHONDIR": str(home / "ipython")}
    own |= {"PYDEVD_DISABLE_FILE_VALIDATION": "1", "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}
    yield kept | own
    stop()


@pytest.fixture
def new(tmp_path: Path, settings: dict[str, str]) -> Iterator[Callable[..., Kernel]]:
    """`new()` starts a kernel that has to be forked."""
    kernels: list[Kernel] = []

    def start(**more: str) -> Kernel:
        with forked_kernels() as plain:
            kernels.append(start_kernel(tmp_path, settings | more))
        assert not plain, plain
        return kernels[-1]

    yield start
    for kernel in kernels:
        kernel.close()


def value(kernel: Kernel, code: str) -> str:
    result = kernel.run(code)
    assert result.error is None, result.error
    return result.displays[-1]["text/plain"]


def gone(pid: int, timeout_s: float = 10) -> bool:
    """Whether that process ends in time; one that nobody has waited for is still there."""
    ends = time.monotonic() + timeout_s
    while psutil.pid_exists(pid) and time.monotonic() < ends:
        time.sleep(0.02)
    return not psutil.pid_exists(pid)


def executed(folder: Path, settings: dict[str, str]) -> list[Any]:
    cells = [nbformat.v4.new_code_cell(source) for source in (*CELLS, FORKED)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    client = NotebookClient(notebook, kernel_name="python3", allow_errors=True, timeout=120, coalesce_streams=True)
    client.execute(cwd=str(folder), env=settings | {"COLOUR": "red"})
    return [cell.outputs for cell in notebook.cells]


def settled(outputs: Any) -> str:
    """Without what differs between two runs of the same kernel."""
    text = re.sub(r"ipykernel_\d+/\d+|0x[0-9a-f]+|kernel-?[\w-]*\.json|/tmp\w+\.json|[0-9a-f]{32}", "…", str(outputs))
    return re.sub(r"\d+(\.\d+)? s\b", "… s", text)


def test_a_forked_kernel_shows_what_a_plain_one_shows(tmp_path: Path, settings: dict[str, str]) -> None:
    plain = executed(tmp_path, settings)
    with forked_kernels() as reasons:
        forked = executed(tmp_path, settings)
    assert not reasons
    assert [plain.pop()[0].data["text/plain"], forked.pop()[0].data["text/plain"]] == ["False", "True"]
    for source, expected, shown in zip(CELLS, plain, forked, strict=True):
        assert settled(shown) == settled(expected), source


def test_what_one_kernel_changes_no_other_sees(new: Callable[..., Kernel]) -> None:
    state = (
        "import logging, os, random, signal, sys, warnings, numpy, matplotlib, uuid, multiprocessing.process as mp\n"
        "(os.getcwd(), os.environ.get('MARK'), sys.path, len(warnings.filters), logging.root.handlers, "
        "matplotlib.rcParams['lines.linewidth'], signal.getsignal(15), hasattr(sys, 'mark'), os.nice(0))"
    )
    chance = "random.random(), numpy.random.rand(), uuid.uuid4(), os.urandom(4), bytes(mp.current_process().authkey)"
    first = new()
    before, drawn = value(first, state), value(first, chance)
    assert first.run(
        "os.chdir('/'); os.environ['MARK'] = '1'; sys.path.append('/mark'); warnings.simplefilter('error')\n"
        "logging.basicConfig(); matplotlib.rcParams['lines.linewidth'] = 9; sys.mark = 1; os.nice(1)\n"
        "signal.signal(15, signal.SIG_IGN); random.seed(1); numpy.random.seed(1); sys.modules['pandas'] = None"
    ).error is None  # fmt: skip
    second = new()
    assert value(second, state) == before
    for one, other in zip(eval(value(second, chance), {"UUID": str}), eval(drawn, {"UUID": str}), strict=True):
        assert one != other
    assert second.run("import pandas").error is None


def test_a_kernel_is_interrupted_restarted_and_killed(new: Callable[..., Kernel]) -> None:
    kernel = new()
    cell = kernel.start("import subprocess, time\nprint(1, flush=True); subprocess.run(['sleep', '60'])")
    kernel.wait_until(cell, lambda result: result.stdout)
    kernel.interrupt()
    error = kernel.wait(cell).error
    assert error
    assert error.ename == "KeyboardInterrupt"
    first = kernel.pid
    with forked_kernels():
        kernel.manager.restart_kernel()
    kernel.client.wait_for_ready(timeout=30)
    assert gone(first)
    assert value(kernel, FORKED) == "True"
    kernel.kill()
    assert gone(kernel.pid)
    assert not kernel.manager.is_alive()
    assert kernel.manager.provisioner.process.poll() == -signal.SIGKILL


@pytest.mark.parametrize(
    ("code", "status"), [("import os; os._exit(7)", 7), ("import os; os.abort()", -signal.SIGABRT)]
)
def test_the_exit_code_of_a_kernel_is_known(new: Callable[..., Kernel], code: str, status: int) -> None:
    kernel = new()
    kernel.start(code)
    process = kernel.manager.provisioner.process
    assert process.wait(timeout=10) == status
    assert gone(kernel.pid)


def test_twenty_kernels_leave_nothing(tmp_path: Path, settings: dict[str, str]) -> None:
    here, before = psutil.Process(), None
    for _ in range(20):
        with forked_kernels() as reasons:
            manager = KernelManager(kernel_name="python3")
            manager.start_kernel(cwd=str(tmp_path), env=settings)
        manager.shutdown_kernel()
        assert not reasons
        assert gone(manager.provisioner.pid, 1)
        left = here.children(recursive=True), here.num_fds()
        before = before or left
    assert left == before
    assert [path.name for path in tmp_path.iterdir()] == []


def test_when_the_client_is_killed_all_end(tmp_path: Path, settings: dict[str, str]) -> None:
    source = f"""
import sys, time
from jupyter_client.manager import KernelManager
from victor_nb.testing.kernels.choice import forked_kernels
with forked_kernels() as plain:
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(cwd={str(tmp_path)!r})
client = manager.blocking_client()
client.start_channels(hb=False)
client.execute("import subprocess; subprocess.run(['sleep', '300'])")
time.sleep(1)
print(plain, manager.provisioner.pid, flush=True)
time.sleep(60)
"""
    client = subprocess.Popen([sys.executable, "-c", source], env=settings, stdout=subprocess.PIPE, text=True)
    assert client.stdout
    plain, kernel = client.stdout.readline().split()
    server = psutil.Process(int(kernel)).ppid()
    below = [child.pid for child in psutil.Process(int(kernel)).children()]
    assert plain == "[]"
    assert "SECRET" not in " ".join(psutil.Process(server).cmdline())
    client.kill()
    client.communicate()
    assert len(below) == 1
    assert all(map(gone, [int(kernel), server, *below]))


def test_when_the_server_is_killed_its_kernels_end_and_others_are_plain(
    tmp_path: Path, settings: dict[str, str]
) -> None:
    def start() -> tuple[KernelManager, list[str]]:
        with forked_kernels() as reasons:
            manager = KernelManager(kernel_name="python3")
            manager.start_kernel(cwd=str(tmp_path), env=settings)
        return manager, reasons

    first, _ = start()
    server = psutil.Process(first.provisioner.pid).parent()
    assert server != psutil.Process()
    server.kill()
    assert first.provisioner.process.wait(timeout=10) == -signal.SIGKILL
    assert gone(first.provisioner.pid)
    second, reasons = start()
    assert len(reasons) == 1
    assert "server" in reasons[0]
    assert second.is_alive()
    for manager in (first, second):
        manager.shutdown_kernel(now=True)
    stop()


@pytest.mark.parametrize(
    ("reason", "files", "more"),
    [
        ("pandas.py is in the notebook's folder", ["pandas.py"], {}),
        ("matplotlibrc is in the notebook's folder", ["matplotlibrc"], {}),
        ("PYTHONPATH is relative", [], {"PYTHONPATH": "src"}),
        ("the environment variable MPLCONFIGDIR was another", [], {"MPLCONFIGDIR": "/tmp"}),
        ("the environment variable OMP_NUM_THREADS was another", [], {"OMP_NUM_THREADS": "1"}),
    ],
)
def test_what_would_be_another_kernel_is_started_from_nothing(
    tmp_path: Path, settings: dict[str, str], reason: str, files: list[str], more: dict[str, str]
) -> None:
    for name in files:
        (tmp_path / name).touch()
    with forked_kernels() as reasons:
        manager = KernelManager(kernel_name="python3")
        manager.start_kernel(cwd=str(tmp_path), env=settings | more)
    manager.shutdown_kernel(now=True)
    assert reasons
    assert reason in reasons[0]
