"""Signals: what is asked of a model about one window of audio, and the numbers it gives.

``token_features`` needs no target, no files and no plan: it turns what a model answered
into named features. It is loaded when used, so that looking a feature up stays light.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from earwitness.signals.tokens.api import token_features

__all__ = ["token_features"]


def __getattr__(name: str) -> Any:
    if name == "token_features":
        from earwitness.signals.tokens.api import token_features

        return token_features
    raise AttributeError(f"module 'earwitness.signals' has no attribute {name!r}")
