"""Asking a model that only generates: its continuations, compared by ear with the true ones.

Goal: the same contract as every instrument, for a target of which neither codes nor logits can be
had. Source: Carlini et al., arXiv 2012.07805.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from earwitness.errors import EarwitnessError
from earwitness.measure.instrument import Prepared, audio_plan, window_plan, window_seconds
from earwitness.measure.passes.batch import Window
from earwitness.measure.plan import Plan
from earwitness.measure.windows import AudioReader
from earwitness.settings import Harmonise, MeasureSettings
from earwitness.signals.tokens.continuation import SIMILARITY, SIMILARITY_GAIN
from earwitness.similarity import loop_similarity, similarity
from earwitness.spec import FeatureSpec
from earwitness.targets.protocols import GeneratorTarget
from earwitness.types import Wave


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorInstrument:
    """Prompts a generator with the beginning of every window and compares what follows with its end."""

    target: GeneratorTarget
    prompt_share: float = 0.4

    @property
    def specs(self) -> Sequence[FeatureSpec]:
        """``continuation/similarity`` and its gain over the best repetition of the prompt's end."""
        return [SIMILARITY, SIMILARITY_GAIN]

    def measure(self, windows: Sequence[Window]) -> list[dict[str, float]]:
        """Two features per window, over what was answered; NaN where that is less than half of what was asked for."""
        rate = self.target.sample_rate
        waves = np.stack([window.content for window in windows if isinstance(window.content, np.ndarray)])
        border = round(self.prompt_share * waves.shape[-1])
        heard, true = waves[..., :border], waves[..., border:]
        made = self.target.continue_audio(heard, true.shape[-1] / rate, [window.prompt for window in windows])
        return [_compared(*each, sample_rate=rate) for each in zip(heard, true, made, strict=True)]


def _compared(prompt: Wave, true: Wave, made: Wave, *, sample_rate: int) -> dict[str, float]:
    answered = int((~np.isnan(made)).sum(axis=-1).min())
    if 2 * answered < made.shape[-1]:
        return {SIMILARITY.name: np.nan, SIMILARITY_GAIN.name: np.nan}
    own, theirs = true[..., :answered], made[..., :answered]
    alike = similarity(theirs, own, sample_rate=sample_rate)
    loop = loop_similarity(prompt, own, sample_rate=sample_rate)
    return {SIMILARITY.name: alike, SIMILARITY_GAIN.name: alike - loop}


def prepare_generation(settings: MeasureSettings, target: GeneratorTarget) -> Prepared:
    """A target that only generates: its continuations are all there is to measure."""
    if settings.harmonise is not Harmonise.OFF:
        raise EarwitnessError("The prompts were cut from the tracks as they are; leave --harmonise out.")
    if settings.further or settings.references or settings.anchors or settings.preset != "default":
        raise EarwitnessError(
            "The target only generates, and its continuations are what is measured; "
            "leave --preset, --with, --reference and --anchors out."
        )
    reader = AudioReader(
        sample_rate=target.sample_rate, seconds=window_seconds(settings.seconds, target.max_seconds),
        per_track=settings.windows_per_track, seed=settings.seed, channels=target.channels,
    )  # fmt: skip
    instrument = GeneratorInstrument(target=target)
    plan = Plan(
        target=target.identity,
        preset="continuation",
        guided=False,
        signals=(f"prompt_share={instrument.prompt_share}",),
        windows=window_plan(reader),
        audio=audio_plan(reader),
        seed=settings.seed,
    )
    return Prepared(reader, instrument, plan)
