"""Rényi: how spread out the predictions are, whatever token then came.

The entropy H_α of every prediction; then the mean over the window's most and least certain
places. Li et al. (arXiv 2411.02902) average the K % largest, K = 0 being the largest alone and
K = 100 the plain mean. Which way a member moves these on music is for the ground truth to say.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import numpy as np

from earwitness.signals.tokens.min_k import mean_of_smallest
from earwitness.signals.tokens.scores import ENTROPY_QUANTITIES
from earwitness.signals.tokens.signal import Passes
from earwitness.spec import Direction, FeatureSpec


@dataclass(frozen=True, slots=True)
class Renyi:
    """Means of the ⌊kN⌋ (at least 1) largest and smallest H_α = log(Σ_v p_v^α) / (1 − α), and of all.

    In nats, direction unknown. ``orders`` are the α, of ½, 1, 2 and ∞; ``shares`` the k, where
    k = 0 is the extreme value itself. Orders other than 1 need the ``quantities`` of the reduction.
    """

    orders: tuple[float, ...] = (0.5, 1.0, 2.0, inf)
    shares: tuple[float, ...] = (0.0, 0.1)

    @property
    def quantities(self) -> Sequence[str]:
        """What the reduction of the logits must compute besides the usual."""
        return [ENTROPY_QUANTITIES[order] for order in self.orders if order != 1]

    @property
    def specs(self) -> Sequence[FeatureSpec]:
        """``renyi/alpha=0.5/largest=0`` …, ``…/smallest=0`` …, ``renyi/alpha=0.5/mean``, for each α."""
        parts = [f"{end}={k:g}" for end in ("largest", "smallest") for k in self.shares] + ["mean"]
        return [
            FeatureSpec(
                name=f"renyi/alpha={order:g}/{part}", member_is=Direction.UNKNOWN, unit="nats",
                source="arXiv 2411.02902",
            )
            for order in self.orders
            for part in parts
        ]  # fmt: skip

    def measure(self, passes: Passes) -> Sequence[float]:
        """The means; NaN where there is no valid token.

        Raises
        ------
        ValueError
            Where an entropy was not computed from the logits.
        """
        values: list[float] = []
        for order in self.orders:
            entropy = passes.condition.entropy(order)[passes.condition.valid]
            values += [-mean for mean in mean_of_smallest(-entropy, self.shares)]
            values += mean_of_smallest(entropy, self.shares)
            values.append(float(entropy.mean()) if entropy.size else np.nan)
        return values
