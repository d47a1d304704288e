"""Configuration: the settings of a person and a project, and the providers of per-session configuration.

`Settings` stays in `victor_nb.config.settings`, because importing it costs pydantic-settings.
"""

from victor_nb.config.environment import EnvironmentConfigProvider
from victor_nb.config.file import FileConfigProvider

__all__ = ["EnvironmentConfigProvider", "FileConfigProvider"]
