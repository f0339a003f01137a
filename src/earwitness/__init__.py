"""earwitness: has this model heard your music?

Membership and dataset inference for generative audio models. Importing the package
imports neither PyTorch nor any plotting library; the names below are loaded when used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from earwitness.features import FeatureTable
    from earwitness.targets import load_target
    from earwitness.verdict.inference import dataset_inference
    from earwitness.verdict.result import DatasetInferenceResult

__version__ = "0.1.0"
__all__ = ["DatasetInferenceResult", "FeatureTable", "__version__", "dataset_inference", "load_target"]

_HOMES = {
    "DatasetInferenceResult": "earwitness.verdict.result",
    "FeatureTable": "earwitness.features",
    "dataset_inference": "earwitness.verdict.inference",
    "load_target": "earwitness.targets",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'earwitness' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
