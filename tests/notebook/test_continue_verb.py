"""`%victor continue`: after an interrupt, in this kernel and in the next one."""

from __future__ import annotations

import threading
from collections.abc import Callable

from support.cells import connect, error_of, run_ok, value_of
from support.kernels import Kernel
from support.llm_server import LLMServer

NewKernel = Callable[..., Kernel]


def test_an_interrupted_answer_is_kept_and_gone_on_with_also_after_a_restart(
    new_kernel: NewKernel, llm_server: LLMServer
) -> None:
    kernel, gate = connect(new_kernel(), llm_server), threading.Event()
    run_ok(kernel, "%victor session thesis")
    assert "nothing to continue" in error_of(kernel, "%victor continue").traceback[0]
    llm_server.reply(chunks=("The first half, ", "the second half."), gate=gate, gate_after=1)
    cell = kernel.start("%%victor\nTell me", cell_id="asks")
    kernel.wait_until(cell, lambda result: "first half" in str(result.displays))
    kernel.interrupt()
    assert kernel.wait(cell).status == "error"
    llm_server.wait_for_disconnect()
    gate.set()
    kept = value_of(kernel, "[(m.role, m.content) for m in vn.conversation.messages]")
    assert kept == repr([("user", "Tell me"), ("assistant", "The first half, \n\n[interrupted by the user]")])
    for number in range(2):
        llm_server.reply(f"the second half, {number}.")
        done = kernel.wait(kernel.start("%victor continue -o rest", cell_id="continues"))
        assert f"the second half, {number}." in done.displays[-1]["text/plain"]
        assert (
            llm_server.requests[-1].body["messages"][-1]["content"].endswith("Its last words are:\n\nThe first half,")
        )
    assert value_of(kernel, "(rest.content, len(vn.conversation.turn_ids))") == "('the second half, 1.', 2)"
    assert "the last answer is whole" in error_of(kernel, "%victor continue").traceback[0]
    kernel.kill()
    later = connect(new_kernel(), llm_server)
    run_ok(later, "%victor session fork thesis again --at 1\n%victor session again")
    assert "Go on exactly" in run_ok(later, "%victor continue --dry-run").displays[0]["text/html"]
    llm_server.reply("the rest.")
    run_ok(later, "%victor continue")
    assert value_of(later, "vn.conversation.messages[-1].content") == "'the rest.'"
