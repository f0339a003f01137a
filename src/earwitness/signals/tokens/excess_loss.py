"""Excess loss: by how much the tokens surprise the model more than it expected to be surprised.

Where a model is unsure, even the right token is unlikely; the loss then says how predictable the
music is and little about memory. Taking off the model's own expectation at each token leaves what
it got wrong beyond that. Min-K %++ (Zhang et al., arXiv 2404.02936) sets a token against the same
expectation, but divides by the deviation and looks at the lowest values alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from earwitness.signals.tokens.scores import TokenScores
from earwitness.signals.tokens.signal import Passes
from earwitness.spec import Direction, FeatureSpec

# Nats². A kind of which the model is always sure must not outweigh all others.
_LEAST_VARIANCE = 0.01


@dataclass(frozen=True, slots=True)
class ExcessLoss:
    """mean(−log p − H), in nats per token, H = −Σ_v p log p of the prediction; a member's is lower.

    The mean over a codebook's valid tokens, then over codebooks with equal weight, so that a codebook
    whose tokens are hard to foretell does not decide alone. A model that is calibrated on a window has 0 there.

    Where tokens are of several kinds (pitch, time, velocity), each is divided by the deviation that the model
    expects of its kind in this window, sqrt(mean var(log p) + .01), before the mean: deviations, not nats.
    """

    @property
    def specs(self) -> Sequence[FeatureSpec]:
        """One feature, ``excess_loss``."""
        return [
            FeatureSpec(
                name="excess_loss", member_is=Direction.LOWER, unit="nats", source="arXiv 2404.02936", headline=True
            )
        ]

    def measure(self, passes: Passes) -> Sequence[float]:
        """The mean; NaN where there is no valid token. A codebook without one does not count."""
        scores = passes.condition
        excess = (scores.mean_log_prob - scores.log_prob) / _expected_deviation(scores)
        means = [own[valid].mean() for own, valid in zip(excess, scores.valid, strict=True) if valid.any()]
        return [float(np.mean(means)) if means else np.nan]


def _expected_deviation(scores: TokenScores) -> NDArray[np.float64]:
    """sqrt(mean var(log p) + .01) over the valid tokens of each one's kind [K, T]; 1 where kinds are not told apart."""
    deviation = np.ones(scores.log_prob.shape)
    if scores.kind is None:
        return deviation
    for kind in np.unique(scores.kind[scores.valid]):
        own = (scores.kind == kind) & scores.valid
        deviation[own] = np.sqrt(scores.var_log_prob[own].mean() + _LEAST_VARIANCE)
    return deviation
