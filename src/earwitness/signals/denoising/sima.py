"""SimA: the size of the noise that a denoiser sees in the clean window.

Source: arXiv 2509.25003.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from earwitness.signals.denoising.oracle import Oracle, Pair, rms
from earwitness.spec import Direction, FeatureSpec


@dataclass(frozen=True, slots=True)
class SimA:
    """‖f(z, t)‖ at a small t = ``level``, z being the latent as it is; a member's is lower.

    The direction is that of the ground-truth targets (docs/ground-truth.md), on which it is also the number that
    tells most: it is a headline.
    """

    level: float = 0.01

    @property
    def specs(self) -> Sequence[FeatureSpec]:
        """One feature, ``sima``."""
        return [
            FeatureSpec(
                name="sima", member_is=Direction.LOWER, unit="noise sd", source="arXiv 2509.25003", headline=True
            )
        ]

    @property
    def pairs(self) -> Sequence[Pair]:
        """None: no noise is drawn."""
        return []

    def measure(self, oracle: Oracle) -> NDArray[np.float64]:
        """[B, 1], from one forward pass."""
        return rms(oracle.of_latents(oracle.schedule.noisy_timestep(self.level)))[:, None]
