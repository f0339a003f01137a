"""What every kind of target has in common: an instrument, and what it is prepared with.

Goal: the extraction loop does not know what kind of model it asks. A batch of windows goes
in, one dictionary of named features per window comes out; the plan names everything that fixes them.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from earwitness.errors import EarwitnessError
from earwitness.measure.passes.batch import Window
from earwitness.measure.plan import AudioPlan, Plan, WindowPlan
from earwitness.measure.windows import AudioReader, Reader, ScoreReader
from earwitness.settings import DEFAULT_SECONDS, Harmonise
from earwitness.spec import FeatureSpec
from earwitness.targets.protocols import AnyTarget, DenoiserTarget, TargetIdentity


class Instrument(Protocol):
    """Measures windows; holds no state between calls."""

    @property
    def specs(self) -> Sequence[FeatureSpec]:
        """The features it gives, in column order."""

    def measure(self, windows: Sequence[Window]) -> list[dict[str, float]]:
        """Features of a batch of windows, one dictionary per window."""


class Prepared(NamedTuple):
    """What ``extract`` needs besides the tracks."""

    reader: Reader
    instrument: Instrument
    plan: Plan


def window_plan(reader: Reader) -> WindowPlan:
    """The windows that a reader cuts."""
    if isinstance(reader, AudioReader):
        return WindowPlan(
            seconds=reader.seconds, per_track=reader.per_track, place=reader.law.place, filled=reader.law.filled
        )
    assert isinstance(reader, ScoreReader)
    return WindowPlan(tokens=reader.target.window_tokens, per_track=reader.per_track)


def audio_plan(reader: AudioReader) -> AudioPlan:
    """How a reader makes a waveform of a file."""
    return AudioPlan(
        sample_rate=reader.sample_rate, channels=reader.channels, harmonise=reader.harmonise,
        loudness=None if reader.harmonise is Harmonise.OFF else reader.loudness,
        mixdown="first channel" if reader.law.channel == "first" else "mean of channels",
    )  # fmt: skip


def window_seconds(asked: float | None, limit: float | None, *, usual: float = DEFAULT_SECONDS) -> float:
    """The length asked for, or the usual one, within what the target takes."""
    if asked is not None and limit is not None and asked > limit:
        raise EarwitnessError(
            f"The target takes windows of at most {limit:g} s, not {asked:g} s; use a smaller --seconds."
        )
    return asked if asked is not None else min(usual, limit or usual)


def reference_name(name: str, model: AnyTarget | DenoiserTarget) -> str:
    """What features call a reference model: the end of its name, and its content."""
    return f"{Path(name).name}-{model.identity.weights_sha256[:8]}"


def refuse_itself(name: str, reference: TargetIdentity, target: TargetIdentity) -> None:
    """A model says nothing about itself."""
    if reference.weights_sha256 == target.weights_sha256:
        raise EarwitnessError(f"The reference {name} is the target itself; give a model that cannot have seen it.")
