"""Signals on a token model: one module an idea, all fed by one pass over the logits."""

from earwitness.signals.tokens.api import token_features

__all__ = ["token_features"]
