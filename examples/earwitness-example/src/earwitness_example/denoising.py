"""How much a diffusion model's denoising loss hangs on the noise that was drawn."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from earwitness.signals.denoising.oracle import Oracle, Pair
from earwitness.spec import Direction, FeatureSpec


@dataclass(frozen=True, slots=True)
class Steadiness:
    """Standard deviation of the denoising loss over ``draws`` noises at one level; direction unknown.

    Where the direction is unknown, only tests without directions count the feature.
    """

    level: float = 0.1
    draws: int = 5

    @property
    def specs(self) -> Sequence[FeatureSpec]:
        """One feature, ``steadiness``."""
        return [FeatureSpec(name="steadiness", member_is=Direction.UNKNOWN, unit="noise sd", source="this example")]

    @property
    def pairs(self) -> Sequence[Pair]:
        """Every draw at the level: the passes that ``denoising_loss`` asks for too, so together they cost five."""
        return [Pair(self.level, draw) for draw in range(self.draws)]

    def measure(self, oracle: Oracle) -> NDArray[np.float64]:
        """One row per window; NaN at a level that adds no noise."""
        losses = np.stack([oracle.loss(pair) for pair in self.pairs], axis=1)
        return np.asarray(losses.std(axis=1, keepdims=True))
