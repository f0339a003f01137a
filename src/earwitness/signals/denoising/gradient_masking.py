"""Gradient masking: can the denoiser fill in the places that its loss hangs on most?

Source: Dubiński et al., arXiv 2411.12858 (as printed there: gradient and target in z_t).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from earwitness.signals.denoising.oracle import Oracle, Pair, rms
from earwitness.signals.denoising.signal import TENTHS, level_specs
from earwitness.spec import FeatureSpec


@dataclass(frozen=True, slots=True)
class GradientMasking:
    """‖(ε − z_t)_M − f(ẑ)_M‖ over the elements of M, at each level; a member's is lower.

    M holds the ⌊``share``·D⌋ (at least 1) elements of largest |∇_{z_t} ‖f(z_t) − ε‖|; ẑ is ε on M
    and z_t elsewhere.
    """

    levels: tuple[float, ...] = TENTHS
    share: float = 0.2

    @property
    def specs(self) -> Sequence[FeatureSpec]:
        """``gradient_masking/t=0`` …"""
        return level_specs("gradient_masking", self.levels, "arXiv 2411.12858")

    @property
    def pairs(self) -> Sequence[Pair]:
        """The first draw at every level, with gradients."""
        return [Pair(level, gradient=True) for level in self.levels]

    def measure(self, oracle: Oracle) -> NDArray[np.float64]:
        """[B, levels], NaN at a level that adds no noise; the masked latents of all levels go together."""
        oracle.ask(self.pairs)
        values = np.full((len(oracle.latents), len(self.levels)), np.nan)
        asked, masks, noisy = [], [], []
        for column, pair in enumerate(self.pairs):
            answer = oracle.answer(pair)
            if answer is not None and answer.gradient is not None:
                # Dividing by the loss itself, which is one number per window, would not move the largest.
                asked.append(column)
                masks.append(self._largest(answer.gradient.flatten(1).abs()))
                noisy.append(oracle.noised(pair).flatten(1))
        if not asked:
            return values
        mask, before, noise = torch.cat(masks), torch.cat(noisy), oracle.noise(0).flatten(1).repeat(len(asked), 1)
        changed = before.scatter(1, mask, noise.gather(1, mask)).reshape(-1, *oracle.latents.shape[1:])
        timesteps = [
            oracle.schedule.timestep(self.levels[column]) for column in asked for _ in range(len(oracle.latents))
        ]
        answers = oracle.predictions(changed, timesteps, list(oracle.windows) * len(asked)).flatten(1)
        missed = (noise - before - answers).gather(1, mask)
        values[:, asked] = rms(missed).reshape(len(asked), -1).T
        return values

    def _largest(self, sizes: torch.Tensor) -> torch.Tensor:
        """Places [N, ⌊share·D⌋] of the largest of each row."""
        # The small excess keeps ⌊0.2·15⌋ at 3 whatever the rounding of the share.
        return sizes.topk(max(1, int(self.share * sizes.shape[1] + 1e-9)), dim=1).indices
