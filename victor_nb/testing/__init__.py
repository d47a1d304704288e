"""What users' tests need: models that answer from a script or a recording, and a check of exporters. Shipped with the
package; no mocks."""

from victor_nb.testing.cassettes import Cassette, CassetteError, MissingRecordingError, use_cassette
from victor_nb.testing.conformance import check_exporter, check_exporter_async
from victor_nb.testing.scripted import Reply, ScriptedModel, ScriptError, call, cut

__all__ = [
    "Cassette",
    "CassetteError",
    "MissingRecordingError",
    "Reply",
    "ScriptError",
    "ScriptedModel",
    "call",
    "check_exporter",
    "check_exporter_async",
    "cut",
    "use_cassette",
]
