"""PIA: does the noise that a denoiser sees in the clean window come back when it is added?

Source: Kong et al., arXiv 2305.18355. PIAN's constant √(2/π), the mean of |ε|, is that of their
code; √(π/2), as printed elsewhere, would not give the prediction the mean size of noise.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from earwitness.signals.denoising.oracle import Oracle, Pair, float64
from earwitness.signals.denoising.signal import lower
from earwitness.spec import FeatureSpec

_ORDER = 5


@dataclass(frozen=True, slots=True)
class Pia:
    """‖e₀ − f(√ᾱ z + √(1−ᾱ) e₀, t)‖₅ with e₀ = f(z, 0) and t = ``level``; a member's is lower.

    The norm is (mean |·|⁵)^⅕. ``normalised`` (PIAN) scales e₀ so that its mean absolute value is
    √(2/π). Where timestep 0 adds no noise, the first that does stands for it.
    """

    level: float = 0.2
    normalised: bool = False

    @property
    def specs(self) -> Sequence[FeatureSpec]:
        """One feature, ``pia`` or ``pian``."""
        return [lower("pian" if self.normalised else "pia", "arXiv 2305.18355")]

    @property
    def pairs(self) -> Sequence[Pair]:
        """None: no noise is drawn."""
        return []

    def measure(self, oracle: Oracle) -> NDArray[np.float64]:
        """[B, 1]: e₀, which all forms and SecMI share, and one forward pass more."""
        first, timestep = (oracle.schedule.noisy_timestep(level) for level in (0.0, self.level))
        guess = oracle.of_latents(first)
        if self.normalised:
            sizes = guess.abs().flatten(1).mean(dim=1).reshape(-1, *[1] * (guess.ndim - 1))
            guess = guess * math.sqrt(2 / math.pi) / sizes
        timesteps = [timestep] * len(guess)
        noised = oracle.schedule.noised(oracle.latents, guess, timesteps)
        missed = (guess - oracle.predictions(noised, timesteps, oracle.windows)).flatten(1).abs()
        return float64(missed.pow(_ORDER).mean(dim=1).pow(1 / _ORDER))[:, None]


def pian() -> Pia:
    """PIAN, as the entry point of ``earwitness.signals`` names it."""
    return Pia(normalised=True)
