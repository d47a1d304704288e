"""Answers recorded once and replayed anywhere. A cassette is a JSON file of model requests, in names of our own, with
their answers. It imports no provider's package and no IPython."""

from victor_nb.testing.cassettes.cassette import Cassette
from victor_nb.testing.cassettes.missing import CassetteError, MissingRecordingError
from victor_nb.testing.cassettes.use import use_cassette

__all__ = ["Cassette", "CassetteError", "MissingRecordingError", "use_cassette"]
