"""Turns know the cell that they come from: by what each front end sends, and in whatever way a cell asks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from support.cells import run_ok
from support.kernels import Kernel, start_kernel

TELL = """
from victor_nb.agent.recorder import lent_origin
import asyncio, json, threading
found = []
def tell():
    origin = lent_origin()
    found.append([origin.key, origin.execution, origin.cell_id, origin.execution_count])
async def tell_later():
    tell()
"""


@pytest.fixture(scope="module")
def telling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """A kernel in which `tell()` notes where it is called from."""
    folder = tmp_path_factory.mktemp("keys")
    kernel = start_kernel(folder, {"VICTOR_HOME": str(folder / "home")})
    try:
        run_ok(kernel, f"%load_ext victor_nb\n{TELL}")
        yield kernel
    finally:
        kernel.close()


def run(kernel: Kernel, source: str, **how: Any) -> list[list[Any]]:
    """What `tell()` noted in one cell: key, execution, cell id, count."""
    run_ok(kernel, "found.clear()")
    cell = kernel.start(source, **how)
    assert kernel.wait(cell).status == "ok", cell.result.error
    noted = json.loads(run_ok(kernel, "print(json.dumps(found))").stdout)
    assert {execution for _, execution, *_ in noted} <= {cell.msg_id, None}
    return noted


COLAB = {"colab": {"cell_id": "k9"}}
VSCODE = {"cellId": "vscode-notebook-cell:/a%20b.ipynb#W2sZmlsZQ%3D%3D"}


@pytest.mark.parametrize(
    ("metadata", "key"),
    [
        ({"cellId": "4f1c", "deletedCells": [], "recordTiming": False}, "cell:4f1c"),
        (VSCODE, f"cell:{VSCODE['cellId']}"),
        (COLAB, "cell:k9"),
    ],
)
def test_the_key_is_what_the_front_end_calls_the_cell(telling: Kernel, metadata: dict[str, Any], key: str) -> None:
    (told,) = run(telling, "tell()", metadata=metadata)
    (edited,) = run(telling, "1 + 1; tell()", metadata=metadata, answers=[])
    assert told[0] == edited[0] == key
    assert told[2] == key.removeprefix("cell:")


def test_without_an_id_the_source_is_the_key_of_a_person_and_each_run_its_own_in_a_batch(telling: Kernel) -> None:
    (one,), (same,), (other,) = (run(telling, source, answers=[]) for source in ("tell()", "tell()\n", "tell();"))
    assert one[0] == same[0] != other[0]
    assert one[0].startswith("source:")
    (first,), (second,) = (run(telling, "tell() # batch") for _ in range(2))
    assert (first[0][-2:], second[0][-2:]) == ("#1", "#2")
    assert first[0][:-1] == second[0][:-1]


@pytest.mark.parametrize(
    "source",
    [
        "tell()",
        "await tell_later()",
        "await asyncio.create_task(tell_later())",
        "await asyncio.to_thread(tell)",
        "%%time\ntell()",
        "for _ in range(3): tell()",
        "get_ipython().run_cell('1 + 1'); tell()",
        "get_ipython().run_cell('tell()')",
        "from victor_nb.background import model_loop\nmodel_loop().submit(tell_later()).result()",
        "%reload_ext victor_nb\ntell()",
    ],
)
def test_whatever_a_cell_does_its_turns_are_its_own(telling: Kernel, source: str) -> None:
    noted = run(telling, source, cell_id="abc")
    assert {told[0] for told in noted} == {"cell:abc"}
    assert len({told[3] for told in noted} - {None}) <= 1


def test_a_task_that_outlives_its_cell_has_no_key(telling: Kernel) -> None:
    waiting = "gate = asyncio.Event()\nasync def wait():\n    await gate.wait()\n    tell()\n"
    cell = telling.start(f"{waiting}task = asyncio.create_task(wait())", cell_id="first")
    assert telling.wait(cell).status == "ok"
    (late,) = run(telling, "gate.set(); await task", cell_id="second")
    assert late[:3] == [None, None, "first"]


def test_a_thread_of_the_users_has_no_key(telling: Kernel) -> None:
    (told,) = run(telling, "t = threading.Thread(target=tell); t.start(); t.join()", cell_id="abc")
    assert told == [None, None, None, None]


def test_a_cell_that_failed_does_not_lend_its_key(telling: Kernel) -> None:
    telling.wait(telling.start("1 / 0", cell_id="failing"))
    assert run(telling, "tell()", cell_id="next")[0][0] == "cell:next"
    assert run(telling, "tell()", metadata={"cellId": ""}, answers=[])[0][0].startswith("source:")
