"""What a session asks of the person at the notebook, below the cell that runs, and what it sees of theirs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.cells import run_ok, value_of
from support.kernels import CellResult, Kernel, start_kernel

HOST = "from victor_nb.host import lent\nfrom victor_nb.background import model_loop\nhost = lent()\n"
BEHIND_A_CELL = "said = host.bridge.run(lambda _: host.confirm('Delete it?'), show=print, idle=lambda: None)"


@pytest.fixture(scope="module")
def hosted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    folder = tmp_path_factory.mktemp("questions")
    kernel = start_kernel(folder, {"VICTOR_HOME": str(folder / "home")})
    try:
        run_ok(kernel, f"%load_ext victor_nb\n{HOST}")
        yield kernel
    finally:
        kernel.close()


def answer(kernel: Kernel, source: str, *answers: str) -> CellResult:
    return kernel.wait(kernel.start(source, answers=answers))


@pytest.mark.parametrize("source", [BEHIND_A_CELL, "said = await host.confirm('Delete it?')"])
@pytest.mark.parametrize(("typed", "said"), [("y", True), ("YES ", True), ("n", False), ("", False), ("yep", False)])
def test_only_a_yes_is_one(hosted: Kernel, source: str, typed: str, said: bool) -> None:
    done = answer(hosted, source, typed)
    assert done.prompts == ["Delete it? [y/N] "]
    assert value_of(hosted, "said") == str(said)


@pytest.mark.parametrize("source", [BEHIND_A_CELL, "said = await host.confirm('Delete it?')"])
def test_where_nobody_can_answer_it_is_a_no(hosted: Kernel, source: str) -> None:
    run_ok(hosted, source)
    assert value_of(hosted, "said") == "False"


def test_a_turn_that_no_cell_waits_for_asks_nobody(hosted: Kernel) -> None:
    done = answer(hosted, "said = model_loop().submit(host.confirm('Delete it?')).result()", "y")
    assert (done.prompts, value_of(hosted, "said")) == ([], "False")


@pytest.mark.parametrize("source", [BEHIND_A_CELL, "said = await host.confirm('Delete it?')"])
def test_an_interrupt_is_no_answer_and_ends_the_turn(hosted: Kernel, source: str) -> None:
    run_ok(hosted, "said = None")
    cell = hosted.start(source, answers=[])
    hosted.wait_until(cell, lambda result: result.prompts)
    hosted.interrupt()
    assert hosted.wait(cell).status == "error"
    assert value_of(hosted, "said") == "None"


def test_the_namespace_is_the_users_own(hosted: Kernel) -> None:
    run_ok(hosted, "%reset -f")
    run_ok(
        hosted, f"{HOST}import math, json as j\nfrom math import pi\nframe = [1]\n_secret = 2\ndef f(): pass\nexit = 3"
    )
    run_ok(hosted, "5")
    assert value_of(hosted, "list(host.namespace())") == "['exit', 'lent', 'model_loop', 'host', 'pi', 'frame', 'f']"
    run_ok(hosted, "host.namespace().clear()")
    assert value_of(hosted, "frame") == "[1]"
