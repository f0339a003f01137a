"""Levels of noise, and from what the model answers to the noise itself.

Conventions: the model's time τ runs over (0, 1) and was drawn uniformly in training; a clip z is
noised as z_τ = α z + σ ε with α = cos(πτ/2), σ = sin(πτ/2). Level t of T = 1000 is the middle of
the t-th of T equal slices of time, τ = (t + ½)/T, so that no level is free of noise and none is
noise alone.
"""

from dataclasses import dataclass
from math import pi
from typing import NamedTuple

import torch
from torch import Tensor

LEVELS = 1000


def times() -> Tensor:
    """Time τ of every level, float64 [T]."""
    return (torch.arange(LEVELS, dtype=torch.float64) + 0.5) / LEVELS


def alphas_cumprod() -> Tensor:
    """ᾱ = cos²(πτ/2) of every level, float64 [T]."""
    return torch.cos(times() * pi / 2) ** 2


class Level(NamedTuple):
    """Time [batch] of each row, and α and σ [batch, 1, 1] there."""

    time: Tensor
    alpha: Tensor
    sigma: Tensor

    @classmethod
    def at(cls, timesteps: Tensor) -> "Level":
        """Levels of timesteps int64 [batch], float32 on their device."""
        time = times().to(torch.float32).to(timesteps.device)[timesteps]
        angle = (time * (pi / 2))[:, None, None]
        return cls(time, torch.cos(angle), torch.sin(angle))


@dataclass(frozen=True, slots=True, kw_only=True)
class Parametrisation:
    """What the network takes and gives, where clips have the standard deviation ``data_std`` d per element.

    It takes z_τ/s with s² = σ² + α²d² and gives F, from which the clip is estimated as
    ẑ = (α d² z_τ/s − ``sign``·σ d F)/s. With d = 1 and ``sign`` 1 that is the v-prediction,
    F = α ε − σ z. ``sign`` −1 is what the schedulers of this kind call an ε-prediction: −F.
    """

    data_std: float = 1.0
    sign: int = 1

    def network_input(self, noisy: Tensor, level: Level) -> Tensor:
        """z_τ/s."""
        return noisy / self._scale(level)

    def noise(self, noisy: Tensor, answer: Tensor, level: Level) -> Tensor:
        """ε = (z_τ − α ẑ)/σ = (σ z_τ/s + ``sign``·α d F)/s, which no small σ can upset."""
        scale = self._scale(level)
        return (level.sigma * noisy / scale + self.sign * self.data_std * level.alpha * answer) / scale

    def _scale(self, level: Level) -> Tensor:
        return torch.sqrt(level.sigma**2 + (self.data_std * level.alpha) ** 2)
