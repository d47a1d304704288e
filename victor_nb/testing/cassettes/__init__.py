"""Answers recorded once and replayed anywhere. A cassette is a JSON file of model requests, in names of our own, with
their answers. It imports no provider's package and no IPython."""

from victor_nb.testing.cassettes.cassette import Cassette
from victor_nb.testing.cassettes.missing import CassetteError, MissingRecordingError
from victor_nb.testing.cassettes.use import use_cassette
from victor_nb.testing.cassettes.verify import ChangedAnswersError

__all__ = ["Cassette", "CassetteError", "ChangedAnswersError", "MissingRecordingError", "use_cassette"]
