"""What users' tests need: models that answer from a script. Shipped with the package; no mocks."""

from victor_nb.testing.scripted import Reply, ScriptedModel, ScriptError, call, cut

__all__ = ["Reply", "ScriptError", "ScriptedModel", "call", "cut"]
