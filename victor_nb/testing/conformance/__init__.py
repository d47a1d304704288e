"""What plug-ins of users have to stand, as one call in a test of theirs: each rule that is broken is named."""

from victor_nb.testing.conformance.contributions import (
    check_config_provider,
    check_config_provider_async,
    check_contributor,
    check_contributor_async,
)
from victor_nb.testing.conformance.exporters import check_exporter, check_exporter_async
from victor_nb.testing.conformance.strategies import check_strategy, check_strategy_async

__all__ = [
    "check_config_provider",
    "check_config_provider_async",
    "check_contributor",
    "check_contributor_async",
    "check_exporter",
    "check_exporter_async",
    "check_strategy",
    "check_strategy_async",
]
