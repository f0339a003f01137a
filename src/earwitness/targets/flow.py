"""Rectified flow and the variance-preserving form, translated into each other.

A flow model knows x_σ = (1 − σ) z + σ ε with flow time σ from 0 (data) to 1 (noise) and predicts
the velocity u = ε − z. Signals know z_t = √ᾱ z + √(1 − ᾱ) ε. Both are the same ray from data to
noise, differently scaled: with c = √ᾱ + √(1 − ᾱ),

    σ = √(1 − ᾱ) / c,    x_σ = z_t / c,    ε = x_σ + (1 − σ) u.

Training draws σ unevenly, in most models as the logistic of a normal number, sometimes with a shift.

Conventions: σ and ᾱ are float64 tables or one value per row; everything else is float32.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import torch
from torch import Tensor

Velocity = Callable[[Tensor, Tensor], Tensor]


def flow_times(steps: int) -> Tensor:
    """Flow times σ_t = (t + ½) / T, float64 [T]: evenly spaced, never quite 0 and never quite 1."""
    return (torch.arange(steps, dtype=torch.float64) + 0.5) / steps


@dataclass(frozen=True, slots=True, kw_only=True)
class LogitNormal:
    """σ in training: logit σ is normal with ``mean`` and ``std``. Source: Esser et al., arXiv 2403.03206."""

    mean: float = 0.0
    std: float = 1.0

    def drawn_at(self, share: float) -> float:
        """The σ below which this share of draws lay."""
        if not 0 < share < 1:
            return float(share > 0)
        return float(1 / (1 + math.exp(-(self.mean + self.std * NormalDist().inv_cdf(share)))))


def alphas_cumprod_at(sigmas: Tensor) -> Tensor:
    """ᾱ = (1 − σ)² / ((1 − σ)² + σ²), where the variance-preserving form has the flow's signal-to-noise ratio."""
    signal, noise = (1 - sigmas).square(), sigmas.square()
    return signal / (signal + noise)


def noise_from_velocity(noisy: Tensor, alphas_cumprod: Tensor, velocity: Velocity) -> Tensor:
    """ε of a model that answers with velocities: x_σ + (1 − σ) u(x_σ, σ).

    Parameters
    ----------
    noisy
        z_t [batch, …] in the variance-preserving form.
    alphas_cumprod
        ᾱ [batch], one level a row.
    velocity
        u [batch, …] at x_σ [batch, …], float32, and σ [batch], float64.

    Returns
    -------
    Tensor
        ε [batch, …], float32.
    """
    signal, noise = alphas_cumprod.double().sqrt(), (1 - alphas_cumprod.double()).sqrt()
    scale = signal + noise
    state = noisy.float() / _per_row(scale, noisy)
    answer = velocity(state, noise / scale)
    return state + _per_row(signal / scale, noisy) * answer.float()


def _per_row(values: Tensor, like: Tensor) -> Tensor:
    """Values [batch] in float32, shaped to be multiplied with ``like`` [batch, …]."""
    return values.float().view(-1, *[1] * (like.ndim - 1)).to(like.device)
