"""``denoising_features``: features from a noise predictor, for people who bring their own model."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from earwitness.errors import EarwitnessError
from earwitness.signals.denoising.oracle import Oracle
from earwitness.signals.denoising.presets import denoising_preset, measure_batch
from earwitness.signals.denoising.schedule import Schedule


def denoising_features(
    predict_noise: Callable[[Any, Any], Any],
    latent: Any,
    alphas_cumprod: Any,
    preset: str = "cdi-gray",
    *,
    seed: int = 0,
    key: str = "",
) -> dict[str, float]:
    """Measure a preset's features on one window.

    Parameters
    ----------
    predict_noise
        (z_t [B, …], t int64 [B]) → ε [B, …], under the window's condition, without guidance; what a
        model of x₀, v or a velocity predicts must be translated to ε. It gets and gives NumPy arrays where
        ``latent`` is one, else tensors, and must be a torch function for the preset ``cdi``.
    latent
        The clean latent [C, …], scaled as the denoiser was trained on it. float64 is computed in float64,
        anything else in float32.
    alphas_cumprod
        ᾱ [T] in [0, 1], never rising: z_t = √ᾱ_t z + √(1 − ᾱ_t) ε.
    preset
        ``cdi-gray``, ``cdi`` or ``default``.
    seed
        Of the noise.
    key
        Names the window: windows under different keys meet different noises.

    Returns
    -------
    dict
        Feature name → value, in standard deviations of the noise, lower for members; NaN at a level
        where ᾱ is 1.

    Raises
    ------
    ValueError
        Where shapes do not fit or ᾱ is no schedule.
    EarwitnessError
        For an unknown preset, or one that needs gradients where there are none.

    Examples
    --------
    >>> import numpy as np
    >>> alphas = np.cumprod(1 - np.linspace(1e-4, 0.02, 1000))
    >>> def predict_noise(noisy, t):  # the best answer where latents are standard normal
    ...     return noisy * np.sqrt(1 - alphas[t])[:, None, None]
    >>> latent = np.random.default_rng(0).normal(size=(8, 64))
    >>> features = denoising_features(predict_noise, latent, alphas)
    >>> len(features), round(features["multiple_loss/t=0.5"], 3)
    (14, 0.283)
    """
    chosen = denoising_preset(preset)
    schedule = _schedule(alphas_cumprod)
    in_numpy = isinstance(latent, np.ndarray)
    if in_numpy and chosen.needs_gradient:
        raise EarwitnessError(
            f"The preset {preset!r} needs gradients, which NumPy has not; give the latent as a tensor and "
            "predict_noise as a torch function, or choose the preset 'cdi-gray'."
        )
    clean = torch.as_tensor(latent)
    clean = clean if clean.dtype == torch.float64 else clean.float()

    def predict(noisy: Tensor, timesteps: Tensor, rows: Sequence[int]) -> Tensor:
        answer = predict_noise(noisy.numpy(), timesteps.numpy()) if in_numpy else predict_noise(noisy, timesteps)
        predicted = torch.as_tensor(answer)
        if predicted.shape != noisy.shape:
            raise ValueError(f"predict_noise answered {tuple(predicted.shape)} to latents {tuple(noisy.shape)}")
        return predicted

    (features,) = measure_batch(
        chosen, Oracle(latents=clean[None], predict=predict, schedule=schedule, keys=(key,), seed=seed)
    )
    return features


def _schedule(alphas_cumprod: Any) -> Schedule:
    alphas = torch.as_tensor(alphas_cumprod).detach().cpu().numpy().astype(np.float64)
    if alphas.ndim != 1 or not len(alphas) or not ((alphas >= 0) & (alphas <= 1)).all() or (np.diff(alphas) > 0).any():
        raise ValueError("alphas_cumprod must be [T], in [0, 1] and never rising")
    if np.float32(alphas[-1]) == 1:
        raise ValueError("alphas_cumprod never falls below 1: this schedule adds no noise")
    return Schedule(alphas)
