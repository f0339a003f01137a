"""Min-K %++: Min-K % on log-likelihoods standardised by what the model expected.

Source: Zhang et al., arXiv 2404.02936. The divisor is the standard deviation, as in the
paper; some published code divides by the variance.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from earwitness.signals.tokens.min_k import SHARES, mean_of_smallest
from earwitness.signals.tokens.signal import Passes
from earwitness.spec import Direction, FeatureSpec


@dataclass(frozen=True, slots=True)
class MinKPlusPlus:
    """Mean of the ⌊kN⌋ smallest (l − μ)/sqrt(var + 1e-6), for each share k; a member's is higher."""

    shares: tuple[float, ...] = SHARES

    @property
    def specs(self) -> Sequence[FeatureSpec]:
        """One feature per share: ``min_k_pp/k=0.1`` …"""
        return [
            FeatureSpec(name=f"min_k_pp/k={k:g}", member_is=Direction.HIGHER, unit="sd", source="arXiv 2404.02936")
            for k in self.shares
        ]

    def measure(self, passes: Passes) -> Sequence[float]:
        """One mean per share; NaN where there is no valid token."""
        return mean_of_smallest(passes.condition.z_score[passes.condition.valid], self.shares)


@dataclass(frozen=True, slots=True)
class PooledMinKPlusPlus:
    """Min-K %++ as one number: the mean over shares within a codebook, then over codebooks with equal weight.

    A member's is higher. A codebook without a valid token does not count.
    """

    shares: tuple[float, ...] = SHARES

    @property
    def specs(self) -> Sequence[FeatureSpec]:
        """One feature, ``min_k_pp_mean``."""
        return [
            FeatureSpec(
                name="min_k_pp_mean", member_is=Direction.HIGHER, unit="sd", source="arXiv 2404.02936", headline=True
            )
        ]

    def measure(self, passes: Passes) -> Sequence[float]:
        """The mean; NaN where there is no valid token."""
        scores = passes.condition
        books = zip(scores.z_score, scores.valid, strict=True)
        means = [np.mean(mean_of_smallest(own[valid], self.shares)) for own, valid in books if valid.any()]
        return [float(np.mean(means)) if means else np.nan]
