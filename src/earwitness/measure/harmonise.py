"""Harmonise: bring every track through the same chain before it is asked about.

Goal: published works have been mastered and encoded, unreleased ones mostly not. A model notices
that whether it was trained on them or not, and then nothing can be said. What both sets go through alike
takes away as much of that as possible. Nothing here knows which set a track belongs to.

Conventions: waves are float32 [channels, samples] at the target's sample rate; length and channels
stay as they are. Each step contains the ones before it:

``level``  integrated loudness of the whole track (ITU-R BS.1770, by pyloudnorm) at one value for all: far from
           the collection's own, a model would hear music as it never did in training
``codec``  then 16 bits and one MP3 round trip, so that an encoder's traces are on every track
``full``   the same, with everything above 70 % of the band taken off before, where lossy files have nothing
"""

import io
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Literal

import numpy as np
import soundfile
from scipy.signal import butter, sosfiltfilt

from earwitness import audio
from earwitness.errors import AudioError
from earwitness.settings import Harmonise
from earwitness.types import Wave

LOUDNESS = -23.0
"""LUFS, where nothing is known of a collection: the level of broadcasts in Europe (EBU R 128)."""
BAND_SHARE = 0.7
FORMAT_FACTS = frozenset(("sample_rate", "bits_per_sample", "bitrate", "codec"))
"""What the tracks table says of a file's format, which one encoding for all overwrites."""
# libsndfile's scale from 0 (best) to 1: about 128 kbit/s at 32 kHz, 64 kbit/s at 16 kHz.
_COMPRESSION = 0.6
_ENOUGH = 32
_WITHIN = 0.999  # of a track's samples, within full scale
_SHORTEST = 0.4  # seconds: one block of the loudness measure


def harmonised(waves: Wave, sample_rate: int, steps: Harmonise, *, loudness: float = LOUDNESS) -> Wave:
    """Return the track [channels, samples] after the chain; ``loudness`` in LUFS."""
    if steps is Harmonise.OFF:
        return waves
    if steps is Harmonise.FULL:
        waves = _band_limited(waves)
    levelled = waves * np.float32(_gain(waves, sample_rate, loudness))
    return levelled if steps is Harmonise.LEVEL else _round_trip(levelled, sample_rate)


def loudness_of(waves: Wave, sample_rate: int) -> float:
    """The integrated loudness of a track [channels, samples] in LUFS, of a very short or quiet one its power in dB.

    Minus infinity for silence.
    """
    from pyloudnorm import Meter  # here, since it loads slowly and few audits need it

    loudness = -np.inf
    if waves.shape[1] > _SHORTEST * sample_rate:
        loudness = Meter(sample_rate).integrated_loudness(waves.T.astype(np.float64))
    if not np.isfinite(loudness):
        power = float(np.mean(np.square(waves, dtype=np.float64)))
        loudness = 10 * np.log10(power) if power > 0 else -np.inf
    return float(loudness)


def common_loudness(
    tracks: Iterable[tuple[str, Path]], sample_rate: int, channels: int = 1, *, one: Literal["mean", "first"] = "mean"
) -> float:
    """The median loudness of a collection in LUFS, to half a unit, from up to 32 tracks of whichever set.

    Lower where it would bring more than one sample in a thousand of one of them beyond full scale: an encoder would
    clip what has a wide range, which may be one set alone, and leave a new difference between the sets.

    Parameters
    ----------
    tracks
        The content hash and the file of each; those with the lowest hashes are measured, whatever their order and set.
    sample_rate
        In Hz; of the target, since what it cannot hear does not count.
    channels, one
        As the target hears a file, see `earwitness.audio.read_channels`: two are 3 to 6 LU louder than their mean.

    Returns
    -------
    float
        `LOUDNESS` where none can be measured.
    """
    measured = []
    for _, path in sorted(tracks):
        with suppress(AudioError):
            waves = audio.read_channels(path, sample_rate, channels, one=one)
            measured.append((loudness_of(waves, sample_rate), float(np.quantile(np.abs(waves), _WITHIN))))
        if len(measured) == _ENOUGH:
            break
    finite = [(own, peak) for own, peak in measured if np.isfinite(own)]
    if not finite:
        return LOUDNESS
    median = round(2 * float(np.median([own for own, _ in finite]))) / 2
    ceiling = min((own - 20 * np.log10(peak) for own, peak in finite if peak > 0), default=median)
    return min(median, float(np.floor(2 * ceiling)) / 2)


def _gain(waves: Wave, sample_rate: int, loudness: float) -> float:
    """The factor that brings the track to a loudness; 1 for silence."""
    own = loudness_of(waves, sample_rate)
    return float(10 ** ((loudness - own) / 20)) if np.isfinite(own) else 1.0


def _band_limited(waves: Wave) -> Wave:
    """Everything above ``BAND_SHARE`` of the band taken off, without a shift in time."""
    filtered = sosfiltfilt(butter(8, BAND_SHARE, output="sos"), waves, axis=1)
    return np.ascontiguousarray(filtered, dtype=np.float32)


def _round_trip(waves: Wave, sample_rate: int) -> Wave:
    """16 bits, MP3 and back; as long as before."""
    # As floats: of 16-bit integers in two channels libsndfile's encoder makes noise.
    samples = (np.round(waves.clip(-1, 1) * 32767) / 32767).astype(np.float32)
    buffer = io.BytesIO()
    soundfile.write(
        buffer, samples.T, sample_rate, format="MP3", bitrate_mode="CONSTANT", compression_level=_COMPRESSION
    )
    buffer.seek(0)
    decoded, _ = soundfile.read(buffer, dtype="float32", always_2d=True)
    back = np.zeros_like(waves)
    length = min(waves.shape[1], len(decoded))
    back[:, :length] = decoded[:length].T
    return back
