"""A small smooth denoiser in place of a model: what signals are checked on, and their passes counted."""

from collections.abc import Sequence

import numpy as np
import torch

from earwitness.signals.denoising.oracle import Oracle
from earwitness.signals.denoising.schedule import Schedule
from earwitness.signals.denoising.signal import DenoisingSignal


def stand_in(windows: Sequence[int], seed: int) -> Oracle:
    """Random windows before a small smooth denoiser that knows the window only through its condition."""
    rng = np.random.default_rng(seed)
    weights = torch.from_numpy(rng.normal(scale=0.2, size=(24, 24)) + np.eye(24))
    conditions = torch.from_numpy(rng.normal(scale=0.3, size=(3, 24)))
    latents = torch.from_numpy(rng.normal(size=(3, 2, 3, 4)))[list(windows)]

    def answer(noisy: torch.Tensor, timesteps: torch.Tensor, shift: torch.Tensor | float) -> torch.Tensor:
        scale = (0.6 + 0.4 * timesteps.to(noisy.dtype) / 1000)[:, None]
        return (scale * torch.tanh(noisy.flatten(1) @ weights.to(noisy) + shift)).reshape(noisy.shape)

    def predict(noisy: torch.Tensor, timesteps: torch.Tensor, rows: Sequence[int]) -> torch.Tensor:
        return answer(noisy, timesteps, conditions[[windows[row] for row in rows]].to(noisy))

    def predict_null(noisy: torch.Tensor, timesteps: torch.Tensor, rows: Sequence[int]) -> torch.Tensor:
        return answer(noisy, timesteps, 0.0)

    return Oracle(
        latents=latents, predict=predict, predict_null=predict_null,
        schedule=Schedule(np.cumprod(1 - np.linspace(0.0015**0.5, 0.0195**0.5, 1000) ** 2)),
        keys=[f"check/{window}" for window in windows], seed=seed,
    )  # fmt: skip


def passes_of(signals: Sequence[DenoisingSignal]) -> tuple[int, int]:
    """Forward and backward passes over one window, with what the signals share counted once.

    Counted, not declared, so that it holds for any signal. (An optimiser's line search may take a few more on a model.)
    """
    oracle = stand_in((0,), seed=0)
    oracle.ask([pair for signal in signals for pair in signal.pairs])
    for signal in signals:
        signal.measure(oracle)
    return int(oracle.forward_passes[0]), int(oracle.backward_passes[0])
