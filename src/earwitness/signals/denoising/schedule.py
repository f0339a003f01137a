"""The noise schedule of a denoiser, asked by levels.

Conventions: z_t = √ᾱ_t z + √(1 − ᾱ_t) ε; a level is the share of training's draws of a timestep that lay below, so that
models are asked alike whatever their T and wherever their training went most. Where it drew all T timesteps
equally often, as diffusion models' does, t = round(level·T), at most T − 1.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

if TYPE_CHECKING:
    from earwitness.signals.denoising.oracle import Pair


@dataclass(frozen=True, eq=False)
class Schedule:
    """ᾱ [T], falling from nearly 1 to nearly 0.

    ``drawn_at`` gives, for a share of training's draws, the share of the T timesteps that they lay below; ``None``: the
    same.
    """

    alphas_cumprod: NDArray[np.float64]
    drawn_at: Callable[[float], float] | None = None

    def timestep(self, level: float) -> int:
        """The timestep that a level stands for."""
        return self._at(level if self.drawn_at is None else self.drawn_at(level))

    def timestep_of(self, pair: "Pair") -> int:
        """The timestep that a pair asks about."""
        return self._at(pair.level) if pair.on_path else self.timestep(pair.level)

    def flow_time(self, timestep: int) -> float:
        """σ of a timestep: where a straight path from data to noise has the same signal-to-noise ratio."""
        signal, noise = np.sqrt(self.alphas_cumprod[timestep]), np.sqrt(1 - self.alphas_cumprod[timestep])
        return float(noise / (signal + noise))

    def _at(self, share: float) -> int:
        steps = len(self.alphas_cumprod)
        return min(int(share * steps + 0.5), steps - 1)

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
