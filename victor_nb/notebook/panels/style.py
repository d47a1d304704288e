"""The style sheet of panels, scoped to them: what `notebook/style.py` is for answers."""

from __future__ import annotations

import re
from typing import Final

_RULES: Final = """
P{border:1px solid var(--jp-border-color2,#8884);border-radius:4px;padding:6px 8px;box-sizing:border-box}
P .victor-nb-line .note{color:var(--jp-content-font-color2,#777);overflow-wrap:anywhere}
P .victor-nb-line .error{color:var(--jp-error-color0,#d33);overflow-wrap:anywhere}
P .widget-html-content{line-height:1.5}
P :is(button,summary,textarea,input,select):focus-visible{outline:2px solid var(--jp-brand-color1,#38f);\
outline-offset:1px}
"""

STYLE: Final = f"<style>{re.sub(r'P(?=[ {])', '.victor-nb-panel', _RULES.replace(chr(10), ''))}</style>"
