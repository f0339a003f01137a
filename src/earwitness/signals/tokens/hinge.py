"""Hinge: by how much the true token's logit beats the best other one.

Source: Bertran et al., arXiv 2307.03694.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from earwitness.signals.tokens.signal import Passes
from earwitness.spec import Direction, FeatureSpec


@dataclass(frozen=True, slots=True)
class Hinge:
    """mean(u[z] − max_{v≠z} u[v]), in logits; a member's is higher."""

    @property
    def specs(self) -> Sequence[FeatureSpec]:
        """One feature, ``hinge``."""
        return [FeatureSpec(name="hinge", member_is=Direction.HIGHER, unit="logits", source="arXiv 2307.03694")]

    def measure(self, passes: Passes) -> Sequence[float]:
        """The mean over valid tokens; NaN where there is none."""
        values = passes.condition.margin[passes.condition.valid]
        return [float(values.mean()) if values.size else np.nan]
