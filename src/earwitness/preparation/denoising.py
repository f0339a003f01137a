"""Preparing a diffusion or flow model."""

from earwitness.denoising import DenoisingInstrument
from earwitness.errors import EarwitnessError
from earwitness.plan import AudioPlan, Plan
from earwitness.preparation.shared import (
    Prepared,
    reference_name,
    refuse_itself,
    target_plan,
    test_plan,
    window_plan,
    window_seconds,
)  # fmt: skip
from earwitness.readers import AudioReader
from earwitness.settings import MeasureSettings, VerdictSettings
from earwitness.signals.denoising.presets import denoising_preset
from earwitness.signals.denoising.reference import Reference
from earwitness.signals.registry import denoising_signals_named
from earwitness.targets import load_target
from earwitness.targets.protocols import DenoiserTarget


def prepare_denoising(settings: MeasureSettings, target: DenoiserTarget, test: VerdictSettings | None) -> Prepared:
    """A diffusion or flow model: presets and signals of its own; a window is whole frames of the latent."""
    if settings.anchors:
        raise EarwitnessError("No signal of a diffusion model compares with anchors; leave --anchors out.")
    references = {
        reference_name(name, model): model
        for name in settings.references
        for model in [_reference(name, target, settings)]
    }
    preset = denoising_preset(settings.preset).with_signals(denoising_signals_named(settings.further))
    preset = preset.with_signals({f"reference={name}": Reference(name) for name in references})
    if settings.contrast == "on" and not preset.needs_null:
        preset = preset.with_signals(denoising_signals_named(["clid"]))
    if preset.needs_null and not target.has_null_condition:
        raise EarwitnessError("This target was trained without condition dropout; it has no contrast (clid).")
    limits = [model.max_seconds for model in (target, *references.values()) if model.max_seconds is not None]
    asked = window_seconds(settings.seconds, min(limits, default=None))
    frames = int(asked * target.sample_rate + 0.5) // target.hop_length
    reader = AudioReader(
        sample_rate=target.sample_rate, seconds=max(1, frames) * target.hop_length / target.sample_rate,
        per_track=settings.windows_per_track, seed=settings.seed, grid=target.hop_length, channels=target.channels,
    )  # fmt: skip
    plan = Plan(
        target=target_plan(target.identity),
        preset=preset.name,
        guided=preset.needs_null,
        signals=tuple(repr(signal) for signal in preset.signals),
        windows=window_plan(reader),
        audio=AudioPlan(sample_rate=reader.sample_rate, channels=reader.channels),
        references=tuple(target_plan(model.identity) for model in references.values()),
        seed=settings.seed,
        test=test_plan(test),
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
