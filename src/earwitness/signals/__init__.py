"""Signals: what is asked of a model about one window of audio, and the numbers it gives.

``token_features`` and ``denoising_features`` need no target, no files and no plan: they turn what
a model answers into named features. They are loaded when used, so that looking a feature up stays light.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from earwitness.signals.denoising.api import denoising_features
    from earwitness.signals.tokens.api import token_features

__all__ = ["denoising_features", "token_features"]


def __getattr__(name: str) -> Any:
    if name == "token_features":
        from earwitness.signals.tokens.api import token_features

        return token_features
    if name == "denoising_features":
        from earwitness.signals.denoising.api import denoising_features

        return denoising_features
    raise AttributeError(f"module 'earwitness.signals' has no attribute {name!r}")
