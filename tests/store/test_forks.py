"""Processes that are forked while a store records: the child's events are kept, and so are the parent's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from victor_nb.protocols import EventQuery
from victor_nb.store import SQLiteStore

FORKS = """
import os, pathlib, sys, threading
from victor_nb.store import SQLiteStore

store = SQLiteStore(pathlib.Path(sys.argv[1]))
stop = threading.Event()


def record():
    while not stop.is_set():
        store.append("x_parent", "s", {})
        store.flush()


recording = threading.Thread(target=record, daemon=True)
recording.start()
children = []
for _ in range(40):
    if not (child := os.fork()):
        store.append("x_child", "s", {})
        os._exit(0 if store.flush(15) else 1)
    children.append(child)
    assert os.waitpid(child, 0)[1] == 0, "a child could not record"
stop.set()
recording.join()
store.close()
"""


def test_a_child_that_is_forked_in_the_midst_of_recording_can_record(tmp_path: Path):
    path = tmp_path / "victor.db"
    subprocess.run([sys.executable, "-c", FORKS, str(path)], check=True, timeout=120)
    store = SQLiteStore(path)
    assert len(store.read(EventQuery(types=["x_child"]))) == 40
    store.close()


SURVIVOR = """
import os, pathlib, sys
from victor_nb.protocols import EventQuery
from victor_nb.store import SQLiteStore

store = SQLiteStore(pathlib.Path(sys.argv[1]))
store.append("x_parent", "s", {})
store.flush()
store.read(EventQuery())
closed, close = os.pipe()
began, begin = os.pipe()
if not (child := os.fork()):
    store.append("x_child", "s", {})
    store.flush()
    os.write(begin, b"x")
    os.read(closed, 1)
    for _ in range(5):
        store.append("x_child", "s", {})
        store.flush()
    os._exit(0)
os.read(began, 1)
store.close()
os.write(close, b"x")
os.waitpid(child, 0)
"""


def test_a_child_outlives_the_connections_of_its_parent(tmp_path: Path):
    path = tmp_path / "victor.db"
    subprocess.run([sys.executable, "-c", SURVIVOR, str(path)], check=True, timeout=60)
    store = SQLiteStore(path)
    assert len(store.read(EventQuery(types=["x_child"]))) == 6
    store.close()
