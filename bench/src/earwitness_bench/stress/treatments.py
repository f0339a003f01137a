"""What can happen to a tune between the training set and an audit.

Goal: one name a treatment, made of parts: how the notes are played, on what, and what becomes
of the sound. Conventions: waveforms are float32 [samples], mono, at ``SAMPLE_RATE``, within ±1;
a treated track is as long as it was before, so that its length tells nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from io import BytesIO
from types import MappingProxyType
from typing import TypeVar

import numpy as np
import soundfile

from earwitness.ground_truth.fiddle.tunes import PROGRAMS, Tune, render
from earwitness.ground_truth.performance import SAMPLE_RATE
from earwitness.types import Wave

Play = Callable[[Tune, int | None], Wave]
"""Renders a tune on an instrument, or (None) on the one that it has in the target's collection."""
_T = TypeVar("_T")
PROGRAM_FLUTE = 73  # General MIDI "Flute"
TAKES = ("base", "faster", "slower", "fastest")
"""The recording, and three further takes of the same tune."""


def unchanged(thing: _T) -> _T:
    """Return it as it is."""
    return thing


def at_tempo(tune: Tune, *, factor: float) -> Tune:
    """Return the tune played ``factor`` times as fast."""
    return replace(tune, quarters_per_minute=tune.quarters_per_minute * factor)


def transposed(tune: Tune, *, semitones: int) -> Tune:
    """Return the tune that many semitones higher; its caption stays what it was."""
    return replace(tune, notes=tune.notes + np.array([0.0, 0.0, semitones]))


def louder(wave: Wave, *, decibels: float) -> Wave:
    """Return the waveform with that gain; negative is quieter."""
    return wave * np.float32(10 ** (decibels / 20))


def re_encoded(wave: Wave, *, file_format: str, compression: float) -> Wave:
    """Return what is left after a lossy codec.

    Parameters
    ----------
    wave
        [samples].
    file_format
        ``MP3`` or ``OGG`` (Vorbis).
    compression
        From 0 (best quality) to 1 (smallest file).
    """
    file = BytesIO()
    soundfile.write(file, wave, SAMPLE_RATE, format=file_format, compression_level=compression)
    file.seek(0)
    decoded, _ = soundfile.read(file, dtype="float32")
    kept = decoded[: len(wave)].clip(-1, 1)
    return np.pad(kept, (0, len(wave) - len(kept)))


def play_fiddle(tune: Tune, program: int | None) -> Wave:
    """Render a tune as the ``fiddle`` target met it, or on another instrument."""
    return render(tune, PROGRAMS if program is None else [program])


@dataclass(frozen=True, slots=True, kw_only=True)
class Treatment:
    """How a tune becomes a track: its notes changed, played on one instrument (None: its own), the sound changed."""

    notes: Callable[[Tune], Tune] = unchanged
    program: int | None = None
    sound: Callable[[Wave], Wave] = unchanged

    def wave(self, tune: Tune, *, play: Play = play_fiddle, samples: int | None = None) -> Wave:
        """Return the tune's waveform, or the first ``samples`` of it."""
        return self.sound(play(self.notes(tune), self.program)[:samples])


TREATMENTS: Mapping[str, Treatment] = MappingProxyType(
    {
        "base": Treatment(),
        "flute": Treatment(program=PROGRAM_FLUTE),
        "mp3": Treatment(sound=partial(re_encoded, file_format="MP3", compression=0.5)),
        "ogg": Treatment(sound=partial(re_encoded, file_format="OGG", compression=0.9)),
        "quieter": Treatment(sound=partial(louder, decibels=-6.0)),
        "raised": Treatment(notes=partial(transposed, semitones=2)),
        "faster": Treatment(notes=partial(at_tempo, factor=1.02)),
        "slower": Treatment(notes=partial(at_tempo, factor=0.98)),
        "fastest": Treatment(notes=partial(at_tempo, factor=1.04)),
    }
)
