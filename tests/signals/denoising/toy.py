"""A denoiser small enough to be written twice: in torch for the signals, in NumPy for the expected values."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from earwitness.signals.denoising.noise import noise
from earwitness.signals.denoising.oracle import Oracle
from earwitness.signals.denoising.schedule import Schedule

SHAPE = (2, 3, 5)
ALPHAS = np.cumprod(1 - np.linspace(0.0015**0.5, 0.0195**0.5, 1000) ** 2)
"""AudioLDM's schedule."""

_RNG = np.random.default_rng(11)
_WEIGHTS = _RNG.normal(scale=0.25, size=(30, 30)) + np.eye(30)
_CONDITIONS = _RNG.normal(scale=0.3, size=(8, 30))
LATENTS = _RNG.normal(size=(8, *SHAPE))

Floats = NDArray[np.float64]


def scale(t: Any) -> Any:
    """A size of the answer that depends on the timestep."""
    return 0.6 + 0.9 * t / 1000


def predicted(x: Floats, t: int, window: int, *, null: bool = False) -> Floats:
    """f of one flattened latent [30]: scale(t)·tanh(W x + c), c being the window's condition."""
    return scale(t) * np.tanh(_WEIGHTS @ x + (0 if null else _CONDITIONS[window]))


def gradient(x: Floats, t: int, window: int, target: Floats) -> Floats:
    """∇ₓ ½ Σ (f(x) − target)², by hand."""
    slope = 1 - np.tanh(_WEIGHTS @ x + _CONDITIONS[window]) ** 2
    return _WEIGHTS.T @ (scale(t) * slope * (predicted(x, t, window) - target))


def torch_predict(windows: Sequence[int], *, null: bool = False) -> Any:
    """The same for a batch of which the windows are given."""

    def predict(noisy: torch.Tensor, timesteps: torch.Tensor, rows: Sequence[int]) -> torch.Tensor:
        numbers = [windows[row] for row in rows]
        weights, conditions = (torch.as_tensor(a, dtype=noisy.dtype) for a in (_WEIGHTS, _CONDITIONS[numbers]))
        inner = noisy.flatten(1) @ weights.T + (0 if null else conditions)
        return (scale(timesteps.to(noisy.dtype))[:, None] * torch.tanh(inner)).reshape(noisy.shape)

    return predict


def oracle(windows: Sequence[int] = (0, 1, 2), *, dtype: torch.dtype = torch.float64, **settings: Any) -> Oracle:
    """An oracle over some of the toy's windows."""
    settings = {"predict_null": torch_predict(windows, null=True), "schedule": Schedule(ALPHAS)} | settings
    return Oracle(
        latents=torch.as_tensor(LATENTS[list(windows)], dtype=dtype),
        predict=torch_predict(windows),
        keys=[f"track-{window}" for window in windows],
        seed=3,
        **settings,
    )


def epsilon(window: int, draw: int = 0) -> Floats:
    """The noise of a window, flattened."""
    return noise(3, f"track-{window}", draw, SHAPE).ravel()


def noised(window: int, t: int, eps: Floats) -> Floats:
    """z_t, flattened."""
    return np.sqrt(ALPHAS[t]) * LATENTS[window].ravel() + np.sqrt(1 - ALPHAS[t]) * eps


def rms(x: Floats) -> float:
    """Root of the mean square."""
    return float(np.sqrt(np.mean(x**2)))
