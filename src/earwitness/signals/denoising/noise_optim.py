"""Noise optimisation: how far must a noised window be moved until its noise is told perfectly?

Source: Dubiński et al., arXiv 2411.12858.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from earwitness.signals.denoising.lbfgs import minimise
from earwitness.signals.denoising.oracle import Oracle, Pair, float64, rms
from earwitness.signals.denoising.signal import lower
from earwitness.spec import FeatureSpec

_SPARE_EVALUATIONS = 2


@dataclass(frozen=True, slots=True)
class NoiseOptim:
    """min_δ ‖f(z_t + δ) − ε‖ by ``steps`` L-BFGS steps, each window for itself: the loss reached, and ‖δ‖.

    Both are lower for a member. The loss is that of z_t + δ itself, which is not noised again. The
    first step is 1 − ᾱ along the negative gradient of ½ Σ (f − ε)²: f cannot change faster than
    1/√(1 − ᾱ) with z_t where it is the mean noise of log-concave data, so this step cannot overshoot.
    """

    level: float = 0.1
    steps: int = 5

    @property
    def specs(self) -> Sequence[FeatureSpec]:
        """``noise_optim/loss`` and ``noise_optim/delta_norm``."""
        return [lower(f"noise_optim/{name}", "arXiv 2411.12858") for name in ("loss", "delta_norm")]

    @property
    def pairs(self) -> Sequence[Pair]:
        """The start, with its gradient."""
        return [Pair(self.level, gradient=True)]

    def measure(self, oracle: Oracle) -> NDArray[np.float64]:
        """[B, 2]: at most ``steps`` + 2 forward passes beyond the start; NaN where the start has no finite loss."""
        (pair,) = self.pairs
        start = oracle.answer(pair)
        if start is None or start.gradient is None:
            return np.full((len(oracle.latents), 2), np.nan)
        timestep = oracle.schedule.timestep(self.level)
        noisy, noise, elements = oracle.noised(pair), oracle.noise(0), oracle.latents[0].numel()

        def objective(moved: Tensor, rows: Tensor, gradient: bool) -> tuple[Tensor, Tensor | None]:
            moved_to = noisy[rows] + moved.reshape(-1, *noisy.shape[1:])
            found = oracle.errors(moved_to, noise[rows], [timestep] * len(rows), rows.tolist(), gradient=gradient)
            return _half_sum(found.rms, elements), None if found.gradient is None else found.gradient.flatten(1)

        end = minimise(
            objective,
            _half_sum(start.rms, elements),
            start.gradient.flatten(1),
            steps=self.steps,
            evaluations=self.steps + _SPARE_EVALUATIONS,
            first_step=1 - float(oracle.schedule.alphas_cumprod[timestep]),
        )
        loss = float64((2 * end.value / elements).sqrt())
        return np.stack([loss, np.where(np.isfinite(loss), rms(end.x), np.nan)], axis=1)


def _half_sum(errors: Tensor, elements: int) -> Tensor:
    return errors.square() * (elements / 2)
