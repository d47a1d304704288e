"""Configuration: the settings of a person and a project, and the providers of per-session configuration.

`Settings` stays in `victor_nb.config.settings`, because importing it costs pydantic-settings.
"""

from victor_nb.config.abtest import ABTestConfigProvider
from victor_nb.config.database import DatabaseConfigProvider
from victor_nb.config.environment import EnvironmentConfigProvider
from victor_nb.config.experiments import Experiment, Variant
from victor_nb.config.file import FileConfigProvider
from victor_nb.config.http import HTTPConfigProvider
from victor_nb.config.tenants import TenantConfigProvider

__all__ = [
    "ABTestConfigProvider",
    "DatabaseConfigProvider",
    "EnvironmentConfigProvider",
    "Experiment",
    "FileConfigProvider",
    "HTTPConfigProvider",
    "TenantConfigProvider",
    "Variant",
]
