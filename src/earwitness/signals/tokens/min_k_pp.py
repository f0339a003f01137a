"""Min-K %++: Min-K % on log-likelihoods standardised by what the model expected.

Source: Zhang et al., arXiv 2404.02936. The divisor is the standard deviation, as in the
paper; some published code divides by the variance.
"""

from collections.abc import Sequence
from dataclasses import dataclass

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
