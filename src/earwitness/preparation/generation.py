"""Preparing a target that only generates."""

from earwitness.errors import EarwitnessError
from earwitness.generation import GeneratorInstrument
from earwitness.plan import AudioPlan, Plan
from earwitness.preparation.shared import Prepared, target_plan, test_plan, window_plan, window_seconds
from earwitness.readers import AudioReader
from earwitness.settings import MeasureSettings, VerdictSettings
from earwitness.targets.protocols import GeneratorTarget


def prepare_generation(settings: MeasureSettings, target: GeneratorTarget, test: VerdictSettings | None) -> Prepared:
    """A target that only generates: its continuations are all there is to measure."""
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
        target=target_plan(target.identity),
        preset="continuation",
        guided=False,
        signals=(f"prompt_share={instrument.prompt_share}",),
        windows=window_plan(reader),
        audio=AudioPlan(sample_rate=reader.sample_rate, channels=reader.channels),
        seed=settings.seed,
        test=test_plan(test),
    )
    return Prepared(reader, instrument, plan)
