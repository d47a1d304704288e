"""The style sheet of panels, scoped to them: what `notebook/answers/style.py` is for answers."""

from __future__ import annotations

import re
from typing import Final

_RULES: Final = """
P{border:1px solid var(--jp-border-color2,#8884);border-radius:4px;padding:6px 8px;box-sizing:border-box}
P .victor-nb-line .note{color:var(--jp-content-font-color2,#777);overflow-wrap:anywhere}
P .victor-nb-line .error{color:var(--jp-error-color0,#d33);overflow-wrap:anywhere}
P .victor-nb-question{white-space:pre-wrap;overflow-wrap:anywhere;max-height:16em;overflow:auto;margin:.7em 0 .3em;\
padding:.4em .7em;border-radius:4px;background:var(--jp-layout-color2,#8882);\
color:var(--jp-content-font-color1,inherit)}
P :is(.widget-html-content,.widget-htmlmath-content){line-height:1.5;white-space:normal;width:100%;min-width:0}
P .victor-nb-copy textarea{width:100%;box-sizing:border-box;font-family:var(--jp-code-font-family,monospace);\
background:var(--jp-layout-color1,transparent);color:var(--jp-content-font-color1,inherit);\
border:1px solid var(--jp-border-color1,#888)}
P .victor-nb-copy summary{font-size:.85em}
P .victor-nb-approval{border-left:3px solid var(--jp-warn-color0,#b60);padding:.2em .7em;margin:.5em 0}
P .victor-nb-approval pre{white-space:pre-wrap;overflow-wrap:anywhere;max-height:14em;overflow:auto;margin:.4em 0;\
padding:.5em;background:var(--jp-layout-color2,#8882);color:var(--jp-content-font-color1,inherit)}
P :is(button,summary,textarea,input,select):focus-visible{outline:2px solid var(--jp-brand-color1,#38f);\
outline-offset:1px}
"""

STYLE: Final = f"<style>{re.sub(r'P(?=[ {])', '.victor-nb-panel', _RULES.replace(chr(10), ''))}</style>"
