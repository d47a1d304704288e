"""Whether the process of a kernel run is still there."""

from __future__ import annotations

import os
import subprocess
import sys

from victor_nb.store.runs import host, is_alive, process_stamp


def test_this_process_is_alive_and_one_that_had_its_pid_is_not():
    pid = os.getpid()
    assert is_alive(host(), pid, process_stamp(pid))
    assert is_alive(host(), pid, "")
    assert not is_alive(host(), pid, "another")


def test_a_process_that_has_ended_is_not_alive():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        stamp = process_stamp(child.pid)
        assert is_alive(host(), child.pid, stamp)
    assert not is_alive(host(), child.pid, stamp)
    assert is_alive("elsewhere", child.pid, stamp)
