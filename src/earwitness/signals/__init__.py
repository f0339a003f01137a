"""Signals: what is asked of a model about one window of audio, and the numbers it gives.

The two functions here need no target, no files and no plan: they turn what a model
answered into named features. ``earwitness.extract`` calls the same code.
"""

from earwitness.signals.tokens import token_features

__all__ = ["token_features"]
