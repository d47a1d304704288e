"""A friendly answer with everything that Markdown has, and a cell that shows it as a turn would."""

from __future__ import annotations

FRIENDLY = """## Missing values by column

The column with the **most missing values** is `income`: 1,204 of 5,000 rows (24 %). See
[the pandas guide](https://pandas.pydata.org/docs/user_guide/missing_data.html), it costs $5 or $6.

1. Check whether they are missing *at random*.
2. Compare `age` for rows with and without income:
   - medians first,
   - then the whole distribution.
3. Decide between imputing and ~~guessing~~ dropping.

```python
def missing_share(frame: pd.DataFrame) -> pd.Series:
    \"\"\"Share of missing values, largest first.\"\"\"
    share = frame.isna().mean()  # 0.0 to 1.0
    return share[share > 0].sort_values(ascending=False)


print(missing_share(df).head(3))
```

| column | missing | share | what to do |
|:-------|--------:|------:|:-----------|
| income | 1,204 | 24.1 % | impute by `employer` |
| age | 80 | 1.6 % | drop the rows |
| city | 3 | 0.1 % | leave |

The mean of what is there, $\\hat\\mu_{obs} = \\frac{1}{n}\\sum_i x_i$, is biased when

$$
P(R_i = 1 \\mid x_i) \\neq P(R_i = 1)
$$

> Rows without income lack `employer` too, in 92 % of the cases.

![histogram](https://example.org/histogram.png)
"""
TALK = """
import time
from victor_nb.messages import ChatChunk, ChatResponse, ToolCall, ToolResult, Usage
from victor_nb.notebook.answers.stream import AnswerDisplay, IPythonPublisher
text = {text!r}
display = AnswerDisplay(IPythonPublisher(), sole={sole})
{tools}
for start in range(0, len(text), 8):
    display.feed(ChatChunk(content=text[start:start + 8]))
    time.sleep({pause})
usage = Usage(1520, 345, cached_tokens=1024)
display.finish(ChatResponse(text, usage, "gpt-5-mini", "openai", "s", "t", cost_usd=0.00123, duration_s=0.84))
"""
TOOLS = """
call = ToolCall("1", "missing_values", '{"frame": "df", "columns": ["income", "age", "city"]}')
display.feed(ChatChunk(reasoning="The user wants <b>counts</b>.", content="Let me look at the data first."))
display.feed(ChatChunk(tool_started=call))
print("printed by the tool")
display.feed(ChatChunk(tool_finished=ToolResult("1", call.name, call.arguments, "income 1204", "ok", 0.21)))
"""


def talk(text: str, *, sole: bool = False, pause: float = 0.0) -> str:
    return TALK.format(text=text, sole=sole, pause=pause, tools="" if sole else TOOLS)
