"""SURP: how unlikely the tokens are that should have been easy.

A token is surprising where the model was sure (low entropy) and wrong (low likelihood). A model
that was trained on a piece meets fewer of them there, and milder ones.
Source: Zhang & Wu, arXiv 2407.21248. The bound on the rank of the entropy is this project's own:
codec tokens are harder to predict than words, and a bound in nats that suits one codebook
leaves nothing of the next.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from earwitness.signals.tokens.signal import Passes
from earwitness.spec import Direction, FeatureSpec


@dataclass(frozen=True, slots=True)
class Surp:
    """Mean of l over {l among its ⌊kN⌋ smallest} ∩ {entropy low}, in nats; a member's is higher.

    ``entropy_bounds`` are absolute, H < h nats, as published (k = 0.2, h = 2); ``entropy_shares``
    are relative, H among its ⌊qN⌋ smallest. Both counts are at least 1; equal values rank in
    order of codebook and time.
    """

    shares: tuple[float, ...] = (0.2, 0.4)
    entropy_bounds: tuple[float, ...] = (2.0, 4.0)
    entropy_shares: tuple[float, ...] = (0.25, 0.5)

    @property
    def specs(self) -> Sequence[FeatureSpec]:
        """``surp/k=0.2/h=2`` …, ``surp/k=0.2/entropy_share=0.25`` …, for one k after the other."""
        bounds = [f"h={h:g}" for h in self.entropy_bounds] + [f"entropy_share={q:g}" for q in self.entropy_shares]
        return [
            FeatureSpec(
                name=f"surp/k={k:g}/{bound}", member_is=Direction.HIGHER, unit="nats", source="arXiv 2407.21248"
            )
            for k in self.shares
            for bound in bounds
        ]

    def measure(self, passes: Passes) -> Sequence[float]:
        """One mean per pair of bounds; NaN where no token is surprising."""
        scores = passes.condition
        log_prob = scores.log_prob[scores.valid]
        entropy = scores.entropy(1)[scores.valid]
        rank = _rank(entropy)
        easy = [entropy < h for h in self.entropy_bounds] + [rank < _count(q, rank.size) for q in self.entropy_shares]
        order = _rank(log_prob)
        return [_mean(log_prob[(order < _count(k, order.size)) & sure]) for k in self.shares for sure in easy]


def _rank(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Place of each value in ascending order [N]."""
    rank = np.empty(values.size, dtype=np.int64)
    rank[np.argsort(values, kind="stable")] = np.arange(values.size)
    return rank


def _count(share: float, size: int) -> int:
    """⌊share · size⌋, at least 1, unharmed by binary fractions."""
    return max(1, int(share * size + 1e-9))


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if values.size else np.nan
