"""Velocity error: how well a flow model knows the way from noise to the window, in the middle of that way.

A flow model is trained on ‖u_θ(x_σ, σ) − (ε − z)‖² with x_σ = (1 − σ) z + σ ε. What it learned of a clip shows most in
mid-path: near the data everything is told by x_σ, near the noise nothing is. Sources: arXiv 2603.13421, 2606.07271.
A member's error is lower.

Some clips are easy for any model: quiet and regular ones. The calibrated form is the difference, in logarithms, to the
error of a model that knows nothing but the clip's own spectrum: the best linear filter (Wiener's), whose error in the
velocity is mean_f S_f / ((1 − σ)² S_f + σ²) with S = |FFT(z)|², over all axes of the latent, orthonormal.

Conventions: a noise prediction ε̂ at x_σ is a velocity u = (ε̂ − x_σ)/(1 − σ), so the velocity's error is the noise's
divided by 1 − σ; σ is √(1 − ᾱ)/(√ᾱ + √(1 − ᾱ)), whatever kind of model it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from earwitness.signals.denoising.oracle import Oracle, Pair, float64
from earwitness.spec import Direction, FeatureSpec

_SOURCE = "arXiv 2603.13421"


@dataclass(frozen=True, slots=True)
class VelocityError:
    """Mean over ``times`` and ``draws`` of ‖u_θ − (ε − z)‖² per element, plain and against the clip's own spectrum."""

    times: tuple[float, ...] = (0.3, 0.4, 0.5, 0.6, 0.7)
    draws: int = 1

    @property
    def specs(self) -> Sequence[FeatureSpec]:
        """``velocity_error`` and ``velocity_error/calibrated``."""
        return [
            FeatureSpec(name="velocity_error", member_is=Direction.LOWER, unit="noise variance", source=_SOURCE),
            FeatureSpec(name="velocity_error/calibrated", member_is=Direction.LOWER, unit="nats", source=_SOURCE),
        ]

    @property
    def pairs(self) -> Sequence[Pair]:
        """Every draw at every time of the path, whatever training drew most."""
        return [Pair(time, draw, on_path=True) for time in self.times for draw in range(self.draws)]

    def measure(self, oracle: Oracle) -> NDArray[np.float64]:
        """[B, 2], from ``times`` × ``draws`` forward passes."""
        sigmas = np.array([oracle.schedule.flow_time(oracle.schedule.timestep_of(pair)) for pair in self.pairs])
        losses = np.stack([oracle.loss(pair) for pair in self.pairs], axis=1)
        errors = (losses**2 / (1 - sigmas) ** 2).mean(axis=1)
        return np.stack([errors, np.log(errors) - np.log(_by_spectrum(oracle.latents, sigmas))], axis=1)


def _by_spectrum(latents: torch.Tensor, sigmas: NDArray[np.float64]) -> NDArray[np.float64]:
    """The best linear filter's error [B] in the velocity of latents [B, …], mean over flow times."""
    spectra = torch.fft.fftn(latents.cpu().double(), dim=tuple(range(1, latents.ndim)), norm="ortho").abs().square()
    flat = spectra.flatten(1)
    errors = [(flat / ((1 - sigma) ** 2 * flat + sigma**2)).mean(dim=1) for sigma in sigmas.tolist()]
    return float64(torch.stack(errors, dim=1).mean(dim=1))
