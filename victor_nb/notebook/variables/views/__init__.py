"""What a question holds of a variable: enough of it that a model can work with it, under a size that the text states.

`showing` decides by the kind of the value, `code`, `exceptions`, `modules` and `objects` tell what only a notebook has;
tables, figures and containers are told as tools' results are.
"""

from victor_nb.notebook.variables.views.showing import view
from victor_nb.notebook.variables.views.view import View

__all__ = ["View", "view"]
