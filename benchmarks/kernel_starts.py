"""A thousand kernels, one after the other, as a long test run starts them: what is left of them at the end, and what
one costs. Every tenth is killed while a cell runs, every tenth is interrupted, and the client of every hundredth dies
without a word.

    python benchmarks/kernel_starts.py [--starts 1000]

Measured 2026-11-28, 2 cores, shared (load 8 to 16): 1,000 starts (790 ended well, 100 were killed, 100 interrupted, 10
clients died): 0 processes left, 0 open files more, all forked.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import psutil
from _harness import table
from jupyter_client.manager import KernelManager

from victor_nb.testing.kernels.choice import forked_kernels, stop

CLIENT = """
import os, sys
from jupyter_client.manager import KernelManager
from victor_nb.testing.kernels.choice import forked_kernels
with forked_kernels():
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=sys.argv[1], stdout=2)
print(manager.provisioner.pid, open(f"/proc/{manager.provisioner.pid}/stat").read().split()[3], flush=True)
os.kill(os.getpid(), 9)
"""


def one(folder: str, how: str) -> list[int]:
    """Start a kernel and end it; the processes that must be gone now."""
    if how == "client died":
        own = {"TMPDIR": "/var/tmp"}  # for its connection file, which nobody removes, here as with plain kernels
        command = [sys.executable, "-c", CLIENT, folder]
        done = subprocess.run(command, env=os.environ | own, capture_output=True, text=True, check=False)
        return [int(pid) for pid in done.stdout.split()]
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=folder)
    pid = manager.provisioner.pid
    client = manager.client()
    client.start_channels(hb=False)
    client.wait_for_ready(timeout=60)
    client.execute("import subprocess; subprocess.run(['sleep', '60'])" if how != "clean" else "1 + 1")
    if how != "clean":
        time.sleep(0.05)
        manager.signal_kernel(signal.SIGKILL if how == "killed" else signal.SIGINT)
    client.stop_channels()
    manager.shutdown_kernel(now=how == "killed")
    return [pid]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--starts", type=int, default=1000)
    starts = parser.parse_args().starts
    with tempfile.TemporaryDirectory() as folder:
        report(starts, folder)


def report(starts: int, folder: str) -> None:
    this, ways, pids = psutil.Process(), Counter[str](), list[int]()
    began = time.perf_counter()
    tempfile.tempdir = folder
    with forked_kernels() as plain:
        for number in range(starts):
            how = {99: "client died", 5: "killed", 15: "killed", 8: "interrupted"}.get(number % 100, "clean")
            how = "killed" if number % 10 == 5 else "interrupted" if number % 10 == 8 else how
            pids += one(folder, how)
            ways[how] += 1
            if number in (0, 9):
                files = this.num_fds()
    seconds = (time.perf_counter() - began) / starts
    more_files, alive = this.num_fds() - files, this.children(recursive=True)
    stop()
    time.sleep(2)
    left = [pid for pid in pids if psutil.pid_exists(pid)]
    new = list(Path(folder).iterdir())
    rows = [
        (starts, seconds, len(alive), len(left), len(this.children(recursive=True)), more_files, len(new), len(plain))
    ]
    head = ["starts", "s each", "processes: at work", "orphans", "children", "files more", "files left", "not forked"]
    table(", ".join(f"{count} {how}" for how, count in ways.items()), head, rows)


if __name__ == "__main__":
    main()
