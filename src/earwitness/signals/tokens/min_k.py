"""Min-K %: the mean log-likelihood of the least likely tokens.

A member has fewer tokens that surprise the model. Source: Shi et al., arXiv 2310.16789.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from earwitness.signals.tokens.signal import Passes
from earwitness.spec import Direction, FeatureSpec

SHARES = (0.1, 0.2, 0.3, 0.4, 0.5)


@dataclass(frozen=True, slots=True)
class MinK:
    """Mean of the ⌊kN⌋ (at least 1) smallest l, for each share k; a member's is higher."""

    shares: tuple[float, ...] = SHARES

    @property
    def specs(self) -> Sequence[FeatureSpec]:
        """One feature per share: ``min_k/k=0.1`` …"""
        return [
            FeatureSpec(name=f"min_k/k={k:g}", member_is=Direction.HIGHER, unit="nats", source="arXiv 2310.16789")
            for k in self.shares
        ]

    def measure(self, passes: Passes) -> Sequence[float]:
        """One mean per share; NaN where there is no valid token."""
        return mean_of_smallest(passes.condition.log_prob[passes.condition.valid], self.shares)


def mean_of_smallest(values: NDArray[np.float64], shares: Sequence[float]) -> list[float]:
    """Mean of the ⌊kN⌋ (at least 1) smallest of N values [N], for each share k."""
    if not values.size:
        return [np.nan] * len(shares)
    sums = np.cumsum(np.sort(values))
    # The small excess keeps ⌊0.3·10⌋ at 3 although 0.3·10 is 2.9999999999999996.
    counts = [max(1, int(k * values.size + 1e-9)) for k in shares]
    return [float(sums[n - 1] / n) for n in counts]
