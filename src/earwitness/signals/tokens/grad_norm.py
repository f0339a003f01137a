"""Gradient norm: how far a window would still move the model (white box).

Source: Wang et al. 2024, as listed in the literature on pre-training data detection.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from earwitness.signals.tokens.requests import GradNormRequest, Request
from earwitness.signals.tokens.signal import OncePerWindow, Passes
from earwitness.spec import Direction, FeatureSpec


@dataclass(frozen=True, slots=True)
class GradNorm:
    """‖∇θ (−mean l)‖₂ over all trained parameters; a member's is lower."""

    @property
    def specs(self) -> Sequence[FeatureSpec]:
        """One feature, ``grad_norm``."""
        return [FeatureSpec(name="grad_norm", member_is=Direction.LOWER, unit="nats", source="Wang 2024")]

    @property
    def needs(self) -> Sequence[Request]:
        """One forward and one backward pass."""
        return [GradNormRequest()]

    def measure(self, passes: Passes) -> Sequence[float]:
        """The norm; NaN where it was not asked for."""
        return [passes.numbers.get(GradNormRequest(), np.nan)]


def grad_norm() -> OncePerWindow:
    """The signal as the entry point of ``earwitness.signals`` names it."""
    return OncePerWindow(GradNorm())
