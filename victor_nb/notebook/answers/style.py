"""The style sheet that goes with every answer, scoped to it.

Colours are JupyterLab's own variables, so that they follow its theme; the fallbacks, for other front ends, were
chosen to be legible on white and on black. Where a theme's own colour is too faint (comments in the light one, names
of functions in the dark one), some of the text's is mixed in. `A` stands for the answer's class; doubled it outweighs
JupyterLab's own rules for `pre` and for tables.
"""

from __future__ import annotations

import re

_RULES = """
A{line-height:1.55}
A>:first-child,A>style+*{margin-top:0}
A :is(h1,h2,h3,h4,h5,h6){font-size:1.1em;font-weight:600;margin:1.1em 0 .4em;line-height:1.3}
A h1{font-size:1.4em}
A h2{font-size:1.25em}
A :is(p,ul,ol,blockquote){margin:.5em 0}
A li>:is(p,ul,ol){margin:.25em 0}
A .task{list-style:none;margin-left:-1.2em}
A .notes{font-size:.9em;border-top:1px solid #8884;margin-top:1em}
AA pre{background:var(--jp-cell-editor-background,#8881);border:1px solid var(--jp-border-color2,#8884);\
border-radius:4px;padding:.6em .9em;margin:.6em 0;overflow-x:auto;line-height:1.4;word-break:normal;\
overflow-wrap:anywhere}
AA pre code{background:none;padding:0}
A table{border-collapse:collapse;margin:.7em 0}
AA :is(th,td){text-align:left;padding:.35em .9em .35em .4em}
A th{border-bottom:1px solid var(--jp-border-color0,#888)}
A details{margin:.4em 0;font-size:.93em}
A summary{cursor:pointer;color:var(--jp-content-font-color2,#777)}
AA details pre{max-height:20em;overflow:auto;white-space:pre-wrap}
A .note{color:var(--jp-warn-color0,#b60);margin:.5em 0}
A .footer{color:var(--jp-content-font-color2,#777);font-size:.85em;margin-top:.7em}
A .c{color:color-mix(in srgb,var(--jp-mirror-editor-comment-color,#777) 85%,currentcolor);font-style:italic}
A .s{color:var(--jp-mirror-editor-string-color,#c44)}
A .m{color:color-mix(in srgb,var(--jp-mirror-editor-number-color,#17806d) 85%,currentcolor)}
A .k{color:var(--jp-mirror-editor-keyword-color,#2a8237);font-weight:600}
A .f{color:color-mix(in srgb,var(--jp-mirror-editor-def-color,#3f78d8) 85%,currentcolor)}
A .b{color:var(--jp-mirror-editor-builtin-color,#2a8237)}
"""

STYLE = f"<style>{re.sub(r'A(?=[A >{])', '.victor-nb-answer', _RULES.replace(chr(10), ''))}</style>"
