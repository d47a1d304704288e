"""In JupyterLab: the code of an answer stands in a new cell below, and is not run."""

from __future__ import annotations

import pytest
from support.lab import Lab

ASK = """
from victor_nb.testing import ScriptedModel
%load_ext victor_nb
import victor_nb as vn
await vn.orchestrator.use_model(ScriptedModel("Try\\n\\n```python\\nprint(6 * 7)\\n```"))
"""


@pytest.mark.browser
def test_code_of_an_answer_is_put_into_a_new_cell(lab: Lab) -> None:
    page = lab.open(lab.notebook(ASK.strip() + "\nNone", "%%victor --code\nHow?", "'below'"))
    page.run_cell(0)
    page.run_cell(1)
    assert "1 code block in the next cell" in page.visible_text(1)
    assert page.source(2) == "print(6 * 7)"
    assert page.visible_text(2).strip() == ""
    page.run_cell(2)
    assert page.visible_text(2).strip() == "42"
