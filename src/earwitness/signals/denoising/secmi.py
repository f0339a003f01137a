"""SecMI: how exactly a deterministic step up the noise can be taken back.

Source: Duan et al., arXiv 2302.01316.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from earwitness.signals.denoising.oracle import Oracle, Pair, rms
from earwitness.signals.denoising.signal import lower
from earwitness.spec import FeatureSpec


@dataclass(frozen=True, slots=True)
class SecMi:
    """‖z_det − ψ(ψ(z_det; t → t+s); t+s → t)‖ at t = ``level``, s = ``stride``; a member's is lower.

    z_det is the DDIM inversion 0 → s → 2s → … → t. ψ(·; a → b) steps along the noise predicted at a.
    Where the schedule's first timesteps add no noise, the first that does stands for them.
    """

    level: float = 0.1
    stride: float = 0.01

    @property
    def specs(self) -> Sequence[FeatureSpec]:
        """One feature, ``secmi``."""
        return [lower("secmi", "arXiv 2302.01316")]

    @property
    def pairs(self) -> Sequence[Pair]:
        """None: no noise is drawn."""
        return []

    def measure(self, oracle: Oracle) -> NDArray[np.float64]:
        """[B, 1]: twelve forward passes with the default settings, the first of them shared with PIA."""
        step, at = oracle.schedule.ddim_step, oracle.schedule.noisy_timestep
        steps = round(self.level / self.stride)
        up = [at(k * self.stride) for k in range(steps + 2)]
        latents = step(oracle.latents, oracle.of_latents(up[0]), up[0], up[1])
        for now, then in zip(up[1:-2], up[2:-1], strict=True):
            latents = step(latents, _predicted(oracle, latents, now), now, then)
        now, then = up[-2:]
        above = step(latents, _predicted(oracle, latents, now), now, then)
        back = step(above, _predicted(oracle, above, then), then, now)
        return rms(latents - back)[:, None]


def _predicted(oracle: Oracle, latents: torch.Tensor, timestep: int) -> torch.Tensor:
    return oracle.predictions(latents, [timestep] * len(latents), oracle.windows)
