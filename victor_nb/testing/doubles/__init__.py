"""What stands in for a model and a store in tests: whole ones, no mocks."""

from victor_nb.store.memory import InMemoryStore
from victor_nb.testing.doubles.replies import Reply, ScriptError, call, cut, fail, when
from victor_nb.testing.doubles.scripted import ScriptedModel
from victor_nb.testing.doubles.victor import Victor

__all__ = ["InMemoryStore", "Reply", "ScriptError", "ScriptedModel", "Victor", "call", "cut", "fail", "when"]
