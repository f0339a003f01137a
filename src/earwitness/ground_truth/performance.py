"""Notes played by a General MIDI instrument, in tune and a little human, as a waveform.

Goal: what a recording of a tune would be to a model: a steady pitch (A4 within 5 Hz), an
instrument, a tempo, loudness and timing of its own. Everything a player decides is drawn from
the name of the piece, so that it is the same in every run and knows nothing of any split.

Conventions: notes are float64 [notes, 3] with rows of onset, duration (quarter lengths) and MIDI
pitch; waveforms are float32 [samples], mono, at ``SAMPLE_RATE`` Hz, peak ``PEAK``, with the values
that a 16-bit file of them decodes to.
"""

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from earwitness.errors import missing_extra

SAMPLE_RATE = 16_000
PEAK = 0.9
TICKS = 480
VELOCITY, VELOCITY_SPREAD = 88, 9
ONSET_SPREAD_SECONDS = 0.012
TEMPO_SPREAD = 0.05
_FADE_SECONDS = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """How one piece is played: program (General MIDI), tempo, and the notes' ticks and velocities."""

    program: int
    quarters_per_minute: float
    notes: NDArray[np.int64]


def perform(
    name: str, notes: NDArray[np.float64], quarters_per_minute: float, programs: Sequence[int], *, take: int = 0
) -> Performance:
    """Draw the instrument, tempo, timing and velocities of a piece from its name and the take.

    Rows of the result are onset, duration (ticks), pitch, velocity.
    """
    digest = hashlib.sha256(f"{name}/{take}".encode()).digest()
    rng = np.random.default_rng(int.from_bytes(digest[:8]))
    program = programs[int(rng.integers(len(programs)))]
    tempo = quarters_per_minute * (1 + TEMPO_SPREAD * rng.uniform(-1, 1))
    jitter = rng.normal(0, ONSET_SPREAD_SECONDS * tempo / 60, len(notes)).clip(-0.1, 0.1)
    onsets = np.maximum(0, notes[:, 0] + jitter)
    durations = notes[:, 1] * rng.uniform(0.85, 1.0, len(notes))
    velocities = rng.normal(VELOCITY, VELOCITY_SPREAD, len(notes)).clip(50, 120)
    ticks = np.stack([onsets * TICKS, np.maximum(1, durations * TICKS), notes[:, 2], velocities], axis=1)
    return Performance(program=program, quarters_per_minute=tempo, notes=np.round(ticks).astype(np.int64))


def sound(performance: Performance) -> NDArray[np.float32]:
    """Render a performance."""
    symusic = _import("symusic")
    track = symusic.Track(program=performance.program)
    for onset, duration, pitch, velocity in performance.notes.tolist():
        track.notes.append(symusic.Note(onset, max(1, duration), pitch, velocity))
    score = symusic.Score(TICKS)
    score.tracks.append(track)
    score.tempos.append(symusic.Tempo(0, qpm=performance.quarters_per_minute))
    wave_bytes = _import("midirenderer").render_wave_from(_soundfont_bytes(), score.dumps_midi())
    stereo, rate = soundfile.read(io.BytesIO(wave_bytes), dtype="float32", always_2d=True)
    wave = soxr.resample(stereo.mean(axis=1), rate, SAMPLE_RATE)
    ends = (performance.notes[:, 0] + performance.notes[:, 1]).max() / TICKS * 60 / performance.quarters_per_minute
    wave = wave[: round((ends + _FADE_SECONDS) * SAMPLE_RATE)]
    fade = round(_FADE_SECONDS * SAMPLE_RATE)
    wave[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
    peak = float(np.abs(wave).max())
    return as_decoded(pcm16(wave * np.float32(PEAK / peak) if peak > 0 else wave))


def pcm16(wave: NDArray[np.float32]) -> NDArray[np.int16]:
    """The 16-bit samples a file of the waveform holds."""
    return np.round(wave * 32768).clip(-32768, 32767).astype(np.int16)


def as_decoded(samples: NDArray[np.int16]) -> NDArray[np.float32]:
    """The waveform that a file of 16-bit samples decodes to: what any model is asked about."""
    return samples.astype(np.float32) / np.float32(32768)


def default_soundfont() -> Path:
    """The General MIDI soundfont that ships inside ``pretty_midi``."""
    return Path(_import("pretty_midi").__file__).parent / "TimGM6mb.sf2"


def renderer(programs: Sequence[int]) -> dict[str, str]:
    """What fixes how a piece sounds, for the card of a target that was trained on renderings."""
    return {
        "midirenderer": version("midirenderer"),
        "soundfont": default_soundfont().name,
        "soundfont_sha256": hashlib.sha256(_soundfont_bytes()).hexdigest(),
        "programs": "General MIDI " + ", ".join(map(str, programs)),
        "sample_rate": str(SAMPLE_RATE),
    }


@cache
def _soundfont_bytes() -> bytes:
    return default_soundfont().read_bytes()


def _import(name: str) -> Any:
    try:
        return __import__(name)
    except ImportError as error:
        raise missing_extra(name, "demo") from error
