"""Level and sample-grid features: loudness, dynamics, silence, clipping, quantisation."""

from collections.abc import Sequence

import numpy as np

from earwitness.signals.blind.frames import Frames, decibels, mean, quantile, sd
from earwitness.types import Floats

UNITS = {
    "rms_db": "dB",
    "peak": "full scale",
    "crest_db": "dB",
    "at_peak_share": "share",
    "level_sd_db": "dB",
    "level_range_db": "dB",
    "noise_floor_db": "dB",
    "silence_share": "share",
    "leading_silence": "s",
    "trailing_silence": "s",
    "digital_zero_share": "share",
    "dc_offset": "full scale",
    "zero_crossing_rate": "1/s",
    "grid_16_bit_share": "share",
    "grid_8_bit_share": "share",
}


def measure(frames: Frames) -> Sequence[float]:
    """The features of ``UNITS``, in its order.

    ``at_peak_share`` counts samples within .1 % of the peak (a limiter's or clipper's trace, whatever
    the gain); the grid shares count non-zero samples that are whole multiples of 2⁻¹⁵ and 2⁻⁷ (what an
    integer file leaves behind, and a decoder's or resampler's output does not); ``noise_floor_db`` is the
    5 % quantile of the frame levels relative to the 95 % one.
    """
    wave, level, sounding = frames.wave, frames.level_db, frames.sounding
    if not wave.size:
        return [np.nan] * len(UNITS)
    peak = float(np.abs(wave).max())
    rms = float(np.sqrt(np.mean(wave**2)))
    loud = quantile(level, 0.95)
    return [
        float(decibels(np.array(rms**2))),
        peak,
        20 * float(np.log10(peak / rms)) if rms > 0 else np.nan,
        float(np.mean(np.abs(wave) >= 0.999 * peak)) if peak > 0 else np.nan,
        sd(level[sounding]),
        loud - quantile(level[sounding], 0.1),
        quantile(level, 0.05) - loud,
        1 - mean(sounding.astype(np.float64)),
        _silent_seconds(sounding, frames),
        _silent_seconds(sounding[::-1], frames),
        float(np.mean(wave == 0)),
        float(wave.mean()),
        float(np.mean(np.diff(np.signbit(wave)))) * frames.sample_rate if wave.size > 1 else np.nan,
        _grid_share(wave, 15),
        _grid_share(wave, 7),
    ]


def _silent_seconds(sounding: np.typing.NDArray[np.bool_], frames: Frames) -> float:
    """Seconds before the first sounding frame; NaN where nothing sounds."""
    return float(np.argmax(sounding)) * frames.seconds_per_hop if sounding.any() else np.nan


def _grid_share(wave: Floats, bits: int) -> float:
    steps = wave[wave != 0] * 2.0**bits
    return float(np.mean(steps == np.round(steps))) if steps.size else np.nan
