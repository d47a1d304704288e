"""The style sheet of the dashboard, scoped to it. Colours are JupyterLab's own variables, so that they follow its
theme; the fallbacks, for other front ends, are legible on white and on black.

Where a front end takes the style sheet and the pictures out, as JupyterLab does in a notebook that it does not trust,
the words in their place are shown: they are hidden only by this sheet, and the pictures are shown only by it.
`mathjax_ignore` keeps names and prices from being read as formulas.
"""

from __future__ import annotations

from typing import Final

CLASS: Final = "victor-nb-dash"
CLASSES: Final = f"{CLASS} mathjax_ignore"

_RULES: Final = """
A{line-height:1.45;max-width:76em;font-variant-numeric:tabular-nums}
A .tiles{display:flex;flex-wrap:wrap;gap:.5em;margin:.6em 0 .9em}
A .tile{border:1px solid var(--jp-border-color2,#8886);border-radius:6px;padding:.4em .75em;min-width:5.5em}
A .tile b{display:block;font-size:1.35em;font-weight:600;line-height:1.3}
A .quiet,A .words{color:var(--jp-ui-font-color2,#777)}
A .bad{color:color-mix(in srgb,var(--jp-error-color0,#d33) 75%,var(--jp-content-font-color0,currentcolor))}
A .sides{display:flex;flex-wrap:wrap;gap:0 2.5em;align-items:flex-start}
A .sides>div{min-width:0;max-width:100%;overflow-x:auto}
A h4{margin:.9em 0 .2em;font-size:1em;font-weight:600}
A h4 .quiet{font-weight:400}
A .sides>div>h4:first-child{margin-top:.3em}
AA table{border-collapse:collapse;border:0;margin:0;font-size:.95em}
AA :is(th,td){text-align:right;padding:.2em .9em .2em 0;background:none;max-width:24em;overflow-wrap:break-word}
AA :is(th,td):is(.text){text-align:left}
AA th{font-weight:500;color:var(--jp-ui-font-color2,#777);border-bottom:1px solid var(--jp-border-color2,#8886)}
A .foot{margin-top:.9em}
A .wide{overflow-x:auto}
AA .wide td{max-width:48em;vertical-align:top}
A .charts{display:block!important}
A .words{display:none}
A svg{display:block;max-width:100%;height:auto}
A svg text{font:10.5px var(--jp-ui-font-family,system-ui,sans-serif);fill:var(--jp-ui-font-color2,#777)}
A svg .h{font-weight:600;fill:var(--jp-ui-font-color1,#888)}
A svg .y{text-anchor:end}
A svg .mid{text-anchor:middle}
A .in{fill:var(--jp-brand-color1,#2a7fc0)}
A .hid{fill:var(--jp-info-color1,#35aebf)}
A .put{fill:var(--jp-success-color1,#3d9a4a)}
A .out{fill:var(--jp-warn-color1,#d98a00)}
A .own{fill:#9a6dd7}
A .fail{fill:var(--jp-error-color1,#d33)}
A .bars .in{stroke:var(--jp-brand-color1,#2a7fc0)}
A .bars .hid{stroke:var(--jp-info-color1,#35aebf)}
A .bars .put{stroke:var(--jp-success-color1,#3d9a4a)}
A .bars .out{stroke:var(--jp-warn-color1,#d98a00)}
A .bars .own{stroke:#9a6dd7}
A .bars .fail{stroke:var(--jp-error-color1,#d33)}
A .bars .none{stroke:var(--jp-border-color1,#8888)}
A .bars .cut{stroke:var(--jp-layout-color0,Canvas)}
A .sum{fill-opacity:.25;stroke:var(--jp-brand-color1,#2a7fc0)}
A .grid{stroke:var(--jp-border-color2,#8885);stroke-opacity:.7}
A .dot{stroke-width:4}
A .lack{fill:var(--jp-warn-color1,#d98a00)}
A .dot.lack{stroke:var(--jp-warn-color1,#d98a00)}
A .flop{fill:var(--jp-error-color1,#d33)}
A .dot.flop{stroke:var(--jp-error-color1,#d33)}
A .limit{stroke:var(--jp-error-color1,#d33);stroke-dasharray:4 3}
A .drop{stroke:#9a6dd7;stroke-dasharray:2 2}
A .head{fill:#9a6dd7}
A .hit{stroke:transparent}
A .hit path:hover{stroke:#8883}
"""
STYLE: Final = f"<style>{_RULES.replace(chr(10), '').replace('A', f'.{CLASS}')}</style>"
