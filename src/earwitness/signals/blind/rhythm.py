"""Rhythm features without a tempo: how much the spectrum changes, how often, how evenly.

Conventions: the flux of a frame is the summed rise of its compressed magnitudes
log(1 + 100·|X|/max|X|) over the previous frame's, a bin on average, so gain leaves it alone;
an onset is a local peak that stands half a standard deviation above its surroundings.
"""

from collections.abc import Sequence

import numpy as np
from scipy.signal import find_peaks

from earwitness.signals.blind.frames import Frames, mean, sd
from earwitness.types import Floats

PULSE_SECONDS = (0.15, 1.5)
_GAP_SECONDS = 0.06

UNITS = {
    "flux_mean": "log units",
    "flux_sd": "log units",
    "onset_rate": "1/s",
    "onset_interval_cv": "",
    "pulse_strength": "",
}


def measure(frames: Frames) -> Sequence[float]:
    """The features of ``UNITS``, in its order.

    ``onset_interval_cv`` is the standard deviation of the time between onsets over its mean, NaN with
    fewer than four onsets; ``pulse_strength`` is the largest autocorrelation of the flux at lags of
    .15–1.5 s, NaN where the flux is constant or the window is under 3 s.
    """
    if len(frames.power) < 2 or not frames.power.any():
        return [np.nan] * len(UNITS)
    magnitude = np.sqrt(frames.power)
    compressed = np.log1p(100 * magnitude / magnitude.max())
    flux = np.maximum(np.diff(compressed, axis=0), 0).mean(axis=1)
    step = frames.seconds_per_hop
    onsets, _ = find_peaks(flux, prominence=max(0.5 * flux.std(), 1e-9), distance=max(1, round(_GAP_SECONDS / step)))
    intervals = np.diff(onsets) * step
    return [
        mean(flux),
        sd(flux),
        len(onsets) / (len(flux) * step),
        float(intervals.std(ddof=1) / intervals.mean()) if len(onsets) >= 4 else np.nan,
        _pulse(flux, step),
    ]


def _pulse(flux: Floats, step: float) -> float:
    first, last = (round(seconds / step) for seconds in PULSE_SECONDS)
    centred = flux - flux.mean()
    energy = float(centred @ centred)
    if len(flux) < 2 * last or energy <= 1e-18 * len(flux):
        return np.nan
    return max(float(centred[:-lag] @ centred[lag:]) for lag in range(max(first, 1), last + 1)) / energy
