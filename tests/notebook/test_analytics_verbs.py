"""`%victor analytics`, `export`, `tags`, `doctor`, `%%victor --tag` and `vn.rate` in a real kernel."""

from __future__ import annotations

import ast
import json
import re
import sqlite3

import pytest
from support.cells import error_of, run_ok, value_of
from support.kernels import Kernel
from support.llm_server import LLMServer

HERE = "session=vn.orchestrator.session_id"
EXPORTER = """
class {name}(vn.BaseAnalyticsExporter):
    destination = "{name}"
    refuses = "{refuses}"
    def __init__(self):
        self.seen = []
    async def export(self, events):
        if any(event.type == self.refuses for event in events):
            return vn.ExportResult(False, error="no such thing here", retryable=False)
        if self.refuses == "all":
            raise ConnectionError("nobody there")
        self.seen += events
        return vn.ExportResult(True, len(events))
exporter = {name}()
vn.add_exporter(exporter)
"""


def tags_of(kernel: Kernel) -> list[dict[str, object]]:
    return [
        json.loads(text) for text in ast.literal_eval(value_of(kernel, f"vn.analytics.turns({HERE}).tags.tolist()"))
    ]


def test_tags_of_a_cell_a_block_and_the_notebook(chat: Kernel) -> None:
    run_ok(chat, "%%victor --tag variant=A --tag n=2 --tag alone\nHi")
    assert run_ok(chat, "%victor tags site=Oslo variant=Z").stdout == "Every turn is tagged site=Oslo variant=Z.\n"
    run_ok(chat, "%%victor --tag variant=B\nHi")
    run_ok(chat, "with vn.tags(variant='C'):\n    get_ipython().run_cell_magic('victor', '', 'Hi')")
    run_ok(chat, "with vn.tags(variant='D'):\n    await vn.orchestrator.chat('Hi', tags={'seed': 1})")
    assert run_ok(chat, "%victor tags clear").stdout == "No tags.\n"
    run_ok(chat, "%%victor\nHi")
    assert tags_of(chat) == [
        {"alone": True, "n": 2, "variant": "A"},
        {"site": "Oslo", "variant": "B"},
        {"site": "Oslo", "variant": "C"},
        {"seed": 1, "site": "Oslo", "variant": "D"},
        {},
    ]
    shown = value_of(chat, f"vn.analytics.summary(by='tag:variant', {HERE}).tag_variant.dropna().tolist()")
    assert shown == "['A', 'B', 'C', 'D']"


def test_a_rating_from_a_cell_is_on_disk_at_once(chat_kernel: Kernel) -> None:
    early = error_of(chat_kernel, "vn.rate(1)")
    assert "there is no answer to rate yet" in early.evalue
    run_ok(chat_kernel, "%%victor -o answer\nHi")
    run_ok(chat_kernel, "vn.rate(answer, True, 'good')\nawait vn.orchestrator.chat('Again')\nvn.rate(0)")
    assert value_of(chat_kernel, "vn.analytics.turns().score.tolist()") == "[1.0, 0.0]"
    with_path = value_of(chat_kernel, "str(vn.analytics.store.path)")[1:-1]
    chat_kernel.manager.provisioner.process.kill()
    with sqlite3.connect(with_path) as file:
        assert file.execute("SELECT count(*) FROM events WHERE type = 'feedback_given'").fetchone() == (2,)
    file.close()


def test_the_store_is_measured_pruned_vacuumed_and_copied(chat_kernel: Kernel, tmp_path) -> None:
    run_ok(chat_kernel, "%%victor\nHi")
    size = run_ok(chat_kernel, "%victor analytics size").stdout
    assert re.fullmatch(r"[\d.]+ [kM]B: \d+ events of 1 kernel run, in .*victor\.db\n", size)
    run_ok(chat_kernel, f"%victor analytics backup {tmp_path / 'copy.db'}")
    with sqlite3.connect(tmp_path / "copy.db") as copy:
        assert copy.execute("SELECT count(*) FROM events WHERE type = 'turn_completed'").fetchone() == (1,)
    copy.close()
    assert "exists already" in error_of(chat_kernel, f"%victor analytics backup {tmp_path / 'copy.db'}").evalue
    assert run_ok(chat_kernel, "%victor analytics prune --before 90d").stdout.startswith("Deleted 0 events from before")
    assert "Deleted 0 events" in run_ok(chat_kernel, "%victor analytics prune --before 2026-01-31 --undelivered").stdout
    assert run_ok(chat_kernel, "%victor analytics vacuum").stdout.startswith("The store takes ")
    assert value_of(chat_kernel, "len(vn.analytics.turns())") == "1"


def test_what_is_old_goes(chat: Kernel) -> None:
    run_ok(chat, "%%victor\nHi")
    run_ok(chat, "import time; time.sleep(1.1)")
    told = run_ok(chat, "%victor analytics prune --before 1s").stdout
    assert int(re.match(r"Deleted (\d+) events", told)[1]) > 5
    assert value_of(chat, "len(vn.analytics.turns())") == "0"
    assert value_of(chat, "vn.analytics.turns().attrs['victor']['gaps']") == "{}"


def test_export_now_tells_a_line_an_exporter(chat: Kernel) -> None:
    run_ok(chat, "analytics = vn.orchestrator.analytics_coordinator")
    assert "There is no exporter" in run_ok(chat, "%victor export now").stdout
    run_ok(chat, EXPORTER.format(name="Good", refuses=""))
    run_ok(chat, EXPORTER.format(name="Dead", refuses="all"))
    run_ok(chat, "%%victor\nHi")
    good, dead = run_ok(chat, "%victor export now").stdout.splitlines()
    assert re.fullmatch(r"✓ Good: \d+ delivered", good)
    assert re.fullmatch(r"✗ Dead: 0 delivered, \d+ pending \(ConnectionError: nobody there\)", dead)
    frame = run_ok(chat, "%victor export").displays[0]["text/plain"]
    assert "pending" in frame
    assert "Dead:Dead" in frame
    run_ok(chat, "for one in analytics.exporters: analytics.remove_exporter(one)")


def test_what_was_refused_is_set_aside_and_tried_again(chat_kernel: Kernel) -> None:
    run_ok(chat_kernel, EXPORTER.format(name="Picky", refuses="prompt_built"))
    run_ok(chat_kernel, "%%victor\nHi")
    assert re.search(r"✗ Picky: \d+ delivered, 1 refused", run_ok(chat_kernel, "%victor export now").stdout)
    assert "1 refused" in run_ok(chat_kernel, "%victor export retry").stdout
    run_ok(chat_kernel, "exporter.refuses = ''")
    assert run_ok(chat_kernel, "%victor export retry").stdout == "✓ Picky: 1 delivered\n"
    assert run_ok(chat_kernel, "%victor export retry").stdout.startswith("No destination has refused anything.")
    assert value_of(chat_kernel, "sum(event.type == 'prompt_built' for event in exporter.seen)") == "1"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("analytics modle", "no column 'modle'"),
        ("analytics vacum", "Did you mean 'vacuum'?"),
        ("analytics prune", "as %victor analytics prune --before 2026-01-31"),
        ("analytics prune --before yesterday-ish", "is not a time"),
        ("analytics prune --before 2999-01-01", "is in the future"),
        ("analytics prune --befor 90d", "--before"),
        ("analytics backup", "takes one path"),
        ("analytics backup /nowhere/at/all.db", "there is no folder"),
        (f"analytics backup {'x' * 300}", "cannot be used"),
        ("analytics size please", "takes nothing more"),
        ("export nwo", "Did you mean 'now'?"),
        ("export now please", "takes nothing more"),
        ("tags claer", "Did you mean 'clear'?"),
        ("tags =x", "cannot be the name of a tag"),
        ("doctor who", "takes nothing more"),
    ],
)
def test_what_is_not_understood_is_refused_in_two_lines(shared: tuple[Kernel, LLMServer], line: str, told: str) -> None:
    error = error_of(shared[0], f"%victor {line}")
    assert error.ename == "UsageError"
    assert told in error.evalue


def test_a_tag_needs_a_name(shared: tuple[Kernel, LLMServer]) -> None:
    assert "cannot be the name of a tag" in error_of(shared[0], "%%victor --tag =A\nHi").evalue


def test_a_figure_and_the_dashboard_show_themselves_once(shared: tuple[Kernel, LLMServer]) -> None:
    kernel, _ = shared
    run_ok(kernel, "%%victor\nHi")
    figure = run_ok(kernel, "vn.analytics.plot.latency()")
    assert [sorted(bundle) for bundle in figure.displays] == [["image/png", "text/plain"]]
    assert run_ok(kernel, "figure = vn.analytics.plot.tokens()").displays == []
    inline = run_ok(kernel, "%matplotlib inline\nimport matplotlib.pyplot as plt\nvn.analytics.plot.cost()")
    assert [sorted(bundle) for bundle in inline.displays] == [["image/png", "text/plain"]]
    dashboard = run_ok(kernel, "vn.analytics").displays[0]
    assert "nothing lost" in dashboard["text/html"]
    assert dashboard["text/plain"].startswith("<Analytics:")
