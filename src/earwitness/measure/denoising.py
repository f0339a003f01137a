"""Asking a diffusion or flow model: how well it finds the noise in windows it may have been trained on.

Goal: the same contract as every instrument. A batch is encoded once; all levels, draws and windows
of it share the denoiser's calls.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from earwitness.errors import EarwitnessError
from earwitness.measure.harmonise import LOUDNESS
from earwitness.measure.instrument import (
    Prepared,
    audio_plan,
    reference_name,
    refuse_itself,
    window_plan,
    window_seconds,
)  # fmt: skip
from earwitness.measure.passes.batch import Window
from earwitness.measure.plan import Plan
from earwitness.measure.windows import AudioReader
from earwitness.settings import DEFAULT_SECONDS, MeasureSettings
from earwitness.signals.denoising.clid import Clid
from earwitness.signals.denoising.oracle import Oracle, Predict
from earwitness.signals.denoising.presets import DenoisingPreset, denoising_preset, measure_batch
from earwitness.signals.denoising.reference import Reference
from earwitness.signals.denoising.schedule import Schedule
from earwitness.signals.registry import denoising_signals_named
from earwitness.spec import FeatureSpec
from earwitness.targets import load_target
from earwitness.targets.protocols import DenoiserTarget, Flows, HearsWindows, Told, law_of


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
        """Encode, ask and reduce; a window without a condition has no contrast (NaN)."""
        found: dict[int, dict[str, float]] = {}
        for rows in _equally_long(windows):
            together = [windows[row] for row in rows]
            oracle = self._oracle(self.target, together)
            oracle.references = {name: self._oracle(model, together) for name, model in self.references.items()}
            found.update(zip(rows, measure_batch(self.preset, oracle), strict=True))
        return [found[row] for row in range(len(windows))]

    def _oracle(self, target: DenoiserTarget, windows: Sequence[Window]) -> Oracle:
        waves = np.stack([window.content for window in windows if isinstance(window.content, np.ndarray)])
        told = _told(target, waves, windows)
        with torch.no_grad():
            latents = target.encode(waves).float()

        def under(conditions: Sequence[Any]) -> Predict:
            return lambda noisy, timesteps, rows: target.predict_noise(
                noisy, timesteps, [conditions[row] for row in rows]
            )

        return Oracle(
            latents=latents,
            predict=under(told.conditions),
            schedule=Schedule(
                target.alphas_cumprod.double().cpu().numpy(), target.drawn_at if isinstance(target, Flows) else None
            ),
            keys=[window.key for window in windows],
            seed=self.seed,
            predict_null=None if told.null is None else under(told.null),
            conditioned=np.array(told.informed),
        )


def _told(target: DenoiserTarget, waves: NDArray[np.float32], windows: Sequence[Window]) -> Told:
    """What the target is told about windows: all that it was told in training, or their prompts."""
    prompts = [window.prompt for window in windows]
    if isinstance(target, HearsWindows):
        return target.tell(waves, prompts, [window.place for window in windows])
    null = [""] * len(prompts) if target.has_null_condition else None
    return Told(prompts, null, [bool(prompt) for prompt in prompts])


def _equally_long(windows: Sequence[Window]) -> Iterable[list[int]]:
    """The rows of windows that go together: a track shorter than a window is one of its own length."""
    rows: dict[int, list[int]] = defaultdict(list)
    for row, window in enumerate(windows):
        assert isinstance(window.content, np.ndarray), "a denoiser is asked about audio"
        rows[window.content.shape[-1]].append(row)
    return rows.values()


def prepare_denoising(settings: MeasureSettings, target: DenoiserTarget) -> Prepared:
    """A diffusion or flow model: presets and signals of its own; a window is whole frames of the latent."""
    if settings.anchors:
        raise EarwitnessError("No signal of a diffusion model compares with anchors; leave --anchors out.")
    references = {
        reference_name(name, model): model
        for name in settings.references
        for model in [_reference(name, target, settings)]
    }
    preset = denoising_preset(settings.preset, flow=isinstance(target, Flows))
    preset = preset.with_signals(denoising_signals_named(settings.further))
    preset = preset.with_signals({f"reference={name}": Reference(name) for name in references})
    if settings.contrast == "on" and not preset.needs_null:
        preset = preset.with_signals({"clid": Clid()})
    if preset.needs_null and not target.has_null_condition:
        raise EarwitnessError("This target was trained without condition dropout; it has no contrast (clid).")
    limits = [model.max_seconds for model in (target, *references.values()) if model.max_seconds is not None]
    law = law_of(target)
    asked = window_seconds(settings.seconds, min(limits, default=None), usual=law.seconds or DEFAULT_SECONDS)
    per_track = 1 if law.place == "first" else settings.windows_per_track
    frames = int(asked * target.sample_rate + 0.5) // target.hop_length
    reader = AudioReader(
        sample_rate=target.sample_rate, seconds=max(1, frames) * target.hop_length / target.sample_rate,
        per_track=per_track, seed=settings.seed, channels=target.channels, law=law,
        harmonise=settings.harmonise, loudness=LOUDNESS if settings.loudness is None else settings.loudness,
    )  # fmt: skip
    plan = Plan(
        target=target.identity,
        preset=preset.name,
        guided=preset.needs_null,
        signals=tuple(repr(signal) for signal in preset.signals),
        windows=window_plan(reader),
        audio=audio_plan(reader),
        references=tuple(model.identity for model in references.values()),
        seed=settings.seed,
    )
    instrument = DenoisingInstrument(target=target, preset=preset, seed=settings.seed, references=references)
    return Prepared(reader, instrument, plan)


def _reference(name: str, target: DenoiserTarget, settings: MeasureSettings) -> DenoiserTarget:
    model = load_target(name, device=settings.device, dtype=settings.dtype)
    if not isinstance(model, DenoiserTarget) or (model.sample_rate, model.channels) != (
        target.sample_rate, target.channels,
    ):  # fmt: skip
        raise EarwitnessError(
            f"The reference {name} cannot be compared with the target; both must be diffusion models of "
            f"{target.sample_rate} Hz and {target.channels} channel(s)."
        )
    refuse_itself(name, model.identity, target.identity)
    return model
