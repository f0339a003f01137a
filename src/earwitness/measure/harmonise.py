"""Harmonise: bring every track through the same chain before it is asked about.

Goal: published works have been mastered and encoded, unreleased ones mostly not. A model notices
that whether it was trained on them or not, and then nothing can be said. What both sets go through alike
takes away as much of that as possible. Nothing here knows which set a track belongs to.

Conventions: waves are float32 [channels, samples] at the target's sample rate; length and channels
stay as they are. Each step contains the ones before it:

``level``  integrated loudness of the whole track at −23 LUFS (ITU-R BS.1770, by pyloudnorm)
``codec``  then 16 bits and one MP3 round trip, so that an encoder's traces are on every track
``full``   the same, with everything above 70 % of the band taken off before, where lossy files have nothing
"""

import io

import numpy as np
import soundfile
from scipy.signal import butter, sosfiltfilt

from earwitness.settings import Harmonise
from earwitness.types import Wave

LOUDNESS = -23.0
BAND_SHARE = 0.7
FORMAT_FACTS = frozenset(("sample_rate", "bits_per_sample", "bitrate", "codec"))
"""What the tracks table says of a file's format, which one encoding for all overwrites."""
# libsndfile's scale from 0 (best) to 1: about 128 kbit/s at 32 kHz, 64 kbit/s at 16 kHz.
_COMPRESSION = 0.6
_SHORTEST = 0.4  # seconds: one block of the loudness measure


def harmonised(waves: Wave, sample_rate: int, steps: Harmonise) -> Wave:
    """Return the track [channels, samples] after the chain."""
    if steps is Harmonise.OFF:
        return waves
    if steps is Harmonise.FULL:
        waves = _band_limited(waves)
    levelled = waves * np.float32(_gain(waves, sample_rate))
    return levelled if steps is Harmonise.LEVEL else _round_trip(levelled, sample_rate)


def _gain(waves: Wave, sample_rate: int) -> float:
    """The factor that brings the track to ``LOUDNESS``; by its power where it is too short or quiet to be measured."""
    from pyloudnorm import Meter  # here, since it loads slowly and few audits need it

    loudness = -np.inf
    if waves.shape[1] > _SHORTEST * sample_rate:
        loudness = Meter(sample_rate).integrated_loudness(waves.T.astype(np.float64))
    if not np.isfinite(loudness):
        power = float(np.mean(np.square(waves, dtype=np.float64)))
        loudness = 10 * np.log10(power) if power > 0 else LOUDNESS
    return float(10 ** ((LOUDNESS - loudness) / 20))


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
