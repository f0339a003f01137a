"""Bandwidth features: what an encoder, a resampler or a low-pass leaves in the spectrum.

Conventions: the long-term spectrum is the mean power of all frames; levels are relative
to its highest bin. Lossy encoders cut the top, steeply, and empty time–frequency cells
below the cut; a resampled file is dark above its first life's half sample rate.
"""

from collections.abc import Sequence

import numpy as np

from earwitness.signals.blind.frames import Frames, decibels
from earwitness.types import Floats

FLOOR_DB = 80.0  # energy this far below the strongest bin is taken for none
HOLE_DB = 60.0  # a cell this far below its own bin's mean is a hole
SHELF_HZ = 16_000.0
_STEP_HZ = 500.0

UNITS = {
    "highest_frequency": "Hz",
    "cutoff_frequency": "Hz",
    "cutoff_drop_db": "dB",
    "upper_half_db": "dB",
    "shelf_16_khz_db": "dB",
    "hole_share": "share",
}


def measure(frames: Frames) -> Sequence[float]:
    """The features of ``UNITS``, in its order; NaN for digital silence.

    ``highest_frequency``: the last bin above ``FLOOR_DB``. ``cutoff_frequency`` and ``cutoff_drop_db``:
    where the spectrum falls most within 500 Hz (medians on either side), and by how much.
    ``upper_half_db``: energy above a quarter of the sample rate, relative to all. ``shelf_16_khz_db``:
    mean power above 16 kHz relative to 14–16 kHz; needs a sample rate above 36 kHz. ``hole_share``: cells
    below the highest frequency that are ``HOLE_DB`` under their bin's mean.
    """
    spectrum = frames.power.mean(axis=0) if len(frames.power) else np.zeros(1)
    if not spectrum.any():
        return [np.nan] * len(UNITS)
    hertz = frames.frequencies
    level = np.maximum(decibels(np.maximum(spectrum / spectrum.max(), 1e-15)), -FLOOR_DB)
    highest = int(np.flatnonzero(level > -FLOOR_DB)[-1])
    cutoff, drop = _steepest_fall(level, hertz)
    upper = spectrum[hertz > frames.sample_rate / 4].sum() / spectrum.sum()
    holes = frames.power[:, 1 : highest + 1] < 10 ** (-HOLE_DB / 10) * spectrum[1 : highest + 1]
    return [
        float(hertz[highest]),
        cutoff,
        drop,
        float(decibels(np.maximum(upper, 1e-15))),
        _shelf(spectrum, hertz),
        float(holes.mean()) if holes.size else np.nan,
    ]


def _steepest_fall(level: Floats, hertz: Floats) -> tuple[float, float]:
    width = max(2, int(_STEP_HZ / hertz[1]))
    medians = np.median(np.lib.stride_tricks.sliding_window_view(level, width), axis=1)
    falls = medians[:-width] - medians[width:]
    if not falls.size:
        return np.nan, np.nan
    at = int(np.argmax(falls))
    return float(hertz[at + width]), float(falls[at])


def _shelf(spectrum: Floats, hertz: Floats) -> float:
    above = spectrum[(hertz > SHELF_HZ) & (hertz <= SHELF_HZ + 2000)]
    below = spectrum[(hertz > SHELF_HZ - 2000) & (hertz <= SHELF_HZ)]
    if hertz[-1] < SHELF_HZ + 2000 or not below.any():
        return np.nan
    return float(decibels(np.maximum(above.mean() / below.mean(), 1e-15)))
