"""The noise schedule of a denoiser, asked by levels.

Conventions: z_t = √ᾱ_t z + √(1 − ᾱ_t) ε; a level is a share of the schedule's T timesteps,
so t = round(level·T), at most T − 1, and models with different T are asked alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Schedule:
    """ᾱ [T], falling from nearly 1 to nearly 0."""

    alphas_cumprod: NDArray[np.float64]

    def timestep(self, level: float) -> int:
        """The timestep that a level stands for."""
        steps = len(self.alphas_cumprod)
        return min(int(level * steps + 0.5), steps - 1)

    def adds_noise(self, timestep: int) -> bool:
        """Whether ᾱ is below 1 in float32: without noise there is none to predict."""
        return bool(np.float32(self.alphas_cumprod[timestep]) < 1)

    def noisy_timestep(self, level: float) -> int:
        """The level's timestep, or the first that adds noise where that one is later."""
        return max(self.timestep(level), self._first_noisy)

    def noised(self, latents: Tensor, noise: Tensor, timesteps: Sequence[int]) -> Tensor:
        """z_t [N, …] of latents and noise [N, …], each row at its own timestep."""
        alphas = self.alphas_cumprod[list(timesteps)]
        return column(np.sqrt(alphas), latents) * latents + column(np.sqrt(1 - alphas), latents) * noise

    def ddim_step(self, noisy: Tensor, predicted: Tensor, timestep: int, to: int) -> Tensor:
        """ψ: the deterministic step from a timestep to another, up or down, along the predicted noise."""
        alpha, target = self.alphas_cumprod[timestep], self.alphas_cumprod[to]
        clean = (noisy - float(np.sqrt(1 - alpha)) * predicted) / float(np.sqrt(alpha))
        return float(np.sqrt(target)) * clean + float(np.sqrt(1 - target)) * predicted

    @cached_property
    def _first_noisy(self) -> int:
        return int(np.argmax(self.alphas_cumprod.astype(np.float32) < 1))


def column(values: NDArray[np.float64], like: Tensor) -> Tensor:
    """Values [N] as a tensor [N, 1, …] that multiplies the rows of ``like`` [N, …]."""
    return torch.as_tensor(values, dtype=like.dtype, device=like.device).reshape(-1, *[1] * (like.ndim - 1))
