"""A notebook to be photographed: a day's work with a scripted model, so that every part has something to show."""

from __future__ import annotations

from pathlib import Path

from support.lab import Lab, LabPage
from support.lab_answers import FRIENDLY

SETUP = f"""
%load_ext victor_nb
import random, time
import numpy as np, pandas as pd
import victor_nb as vn
from victor_nb.errors import ModelRequestError
from victor_nb.messages import Usage
from victor_nb.testing import Reply, ScriptedModel, call

ANSWER = {FRIENDLY!r}
rng = np.random.default_rng(7)
survey = pd.DataFrame({{"age": rng.integers(18, 90, 5000).astype(float), "income": rng.normal(42_000, 9_000, 5000)}})
survey.loc[rng.choice(5000, 1204, replace=False), "income"] = np.nan
survey["employer"] = rng.choice(["public", "private", "none"], 5000)

async def use(*answers, name="small", **more):
    await vn.orchestrator.use_model(ScriptedModel(*answers, name=name, context_window=16_000, **more))
"""
WORK = """
@vn.tool
def mean_of(column: str) -> float:
    "The mean of a column of the survey."
    return float(survey[column].mean())

draw = random.Random(4)
QUESTIONS = ["Is income missing at random?", "Which employer has the oldest people?", "Summarize the outliers of age."]
FINDINGS = [
    "The mean hides two groups, and their shares differ by employer. ",
    "Rows without income are older by 3.1 years on average. ",
    "A model with `employer` explains 24 % of the variance; without it, 9 %. ",
    "Three values of `age` are above 85 and look right. ",
]

def slowly(reply, seconds):
    def answer(request):
        time.sleep(seconds)
        return reply
    return answer

for number in range(26):
    size = 300 + 90 * number
    usage = Usage(size, draw.randint(80, 420), cached_tokens=int(size * draw.choice([0, .5, .8])))
    text, cost = "".join(draw.sample(FINDINGS, draw.randint(2, 4))), size * draw.choice([2, 5]) * 1e-7
    said = slowly(Reply(text, usage=usage, cost_usd=cost), 0.02 + draw.random() ** 3 / 2)
    answers = [said]
    if number % 6 == 2:
        answers = [Reply(tool_calls=[call("mean_of", column="income")], usage=usage, cost_usd=0.0002), said]
    if number % 11 == 7:
        answers = [Reply(tool_calls=[call("mean_of", column="wealth")], usage=usage, cost_usd=0.0002), said]
    if number in (9, 20):
        answers = [ModelRequestError("the server is overloaded (529).", hint="try again")]
    await use(*answers, name=draw.choice(["small", "large"]))
    try:
        await vn.orchestrator.chat(draw.choice(QUESTIONS), tags={"variant": draw.choice("AB")})
    except vn.VictorError:
        pass
    if number == 17:
        vn.conversation.pin(0)
        vn.conversation.compact()
"""
ASK = "%%victor\nWhich column of {{ survey }} has the most missing values, and what would you do about it?"
CELLS = (
    SETUP,
    "await use(ANSWER, delay_s=0.03)",
    ASK,
    "await use(ANSWER, delay_s=0.002)",
    "%%victor\nThe same for {{ survey.income }}",
    WORK,
    "%victor panel chat",
    "%victor panel context",
    "%victor panel analytics",
)
STREAMED, ANSWERED, DONE, CHAT, CONTEXT, ANALYTICS = 2, 4, 5, 6, 7, 8
WINDOW = {"width": 1010, "height": 1500}


def open_for_pictures(lab: Lab) -> LabPage:
    """The notebook in a window without side bar, its first cells run."""
    page = lab.open(lab.notebook(*CELLS, name="survey.ipynb"), fresh=True)
    lab.on_browser(lambda: page.page.set_viewport_size(WINDOW))
    page.js("await window.jupyterapp.commands.execute('application:toggle-left-area'); return 1")
    page.run_cell(0)
    return page


def picture(page: LabPage, lab: Lab, cell: int, path: Path, *, most: int = 900) -> None:
    """Photograph a cell, from its top, at most so many pixels of it."""
    page.js(
        "panel.content.activeCellIndex = 0; panel.content.deselectAll(); document.activeElement.blur();"
        f"cell({cell}).node.scrollIntoView({{block: 'start'}});"
        "await new Promise(done => setTimeout(done, 500)); return 1"
    )
    top, bottom, left, right = page.js(
        f"const box = cell({cell}).node.getBoundingClientRect(); return [box.top, box.bottom, box.left, box.right]"
    )
    clip = {"x": left, "y": top, "width": right - left, "height": min(bottom - top, most)}
    lab.on_browser(lambda: page.page.screenshot(clip=clip, path=path))
