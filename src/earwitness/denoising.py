"""Asking a diffusion or flow model: how well it finds the noise in windows it may have been trained on.

Goal: the same contract as every instrument. A batch is encoded once; all levels, draws and windows
of it share the denoiser's calls.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from earwitness.passes.batch import Window
from earwitness.signals.denoising.oracle import Oracle
from earwitness.signals.denoising.presets import DenoisingPreset, measure_batch
from earwitness.signals.denoising.schedule import Schedule
from earwitness.spec import FeatureSpec
from earwitness.targets.protocols import DenoiserTarget


@dataclass(frozen=True, slots=True, kw_only=True)
class DenoisingInstrument:
    """A denoiser under a preset; ``seed`` fixes the noise, ``references`` are models to compare it with."""

    target: DenoiserTarget
    preset: DenoisingPreset
    seed: int
    references: Mapping[str, DenoiserTarget] = field(default_factory=dict)

    @property
    def specs(self) -> Sequence[FeatureSpec]:
        """The preset's features."""
        return self.preset.specs

    def measure(self, windows: Sequence[Window]) -> list[dict[str, float]]:
        """Encode, ask and reduce; a window without a prompt has no contrast (NaN)."""
        oracle = self._oracle(self.target, windows)
        oracle.references = {name: self._oracle(model, windows) for name, model in self.references.items()}
        return measure_batch(self.preset, oracle)

    def _oracle(self, target: DenoiserTarget, windows: Sequence[Window]) -> Oracle:
        waves = np.stack([window.content for window in windows if isinstance(window.content, np.ndarray)])
        prompts = [window.prompt for window in windows]
        with torch.no_grad():
            latents = target.encode(waves).float()

        def predict(noisy: Tensor, timesteps: Tensor, rows: Sequence[int]) -> Tensor:
            return target.predict_noise(noisy, timesteps, [prompts[row] for row in rows])

        def predict_null(noisy: Tensor, timesteps: Tensor, rows: Sequence[int]) -> Tensor:
            return target.predict_noise(noisy, timesteps, [""] * len(rows))

        return Oracle(
            latents=latents,
            predict=predict,
            schedule=Schedule(target.alphas_cumprod.double().cpu().numpy()),
            keys=[window.key for window in windows],
            seed=self.seed,
            predict_null=predict_null if target.has_null_condition else None,
            conditioned=np.array([bool(prompt) for prompt in prompts]),
        )
