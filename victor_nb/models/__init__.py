"""Models: who answers. `build_model` turns a name into an `IChatModel`; nothing above this folder knows which library
speaks to the provider, and importing it imports neither that library nor an SDK.
"""

from victor_nb.models.catalog import PROVIDERS, ModelName, Provider, parse
from victor_nb.models.demo import DemoModel
from victor_nb.models.detect import detect
from victor_nb.models.factory import build_model
from victor_nb.models.prices import price
from victor_nb.models.retries import RetryingModel
from victor_nb.models.wire import WireModel

__all__ = [
    "PROVIDERS",
    "DemoModel",
    "ModelName",
    "Provider",
    "RetryingModel",
    "WireModel",
    "build_model",
    "detect",
    "parse",
    "price",
]
