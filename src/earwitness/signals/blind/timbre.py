"""Timbre features: the shape of the short-time spectrum and its mel cepstrum.

Conventions: frames that sound (see ``frames``) alone count; the mel scale is
2595·log10(1 + f/700), 40 triangular filters of unit height from 0 Hz to half the sample
rate; the cepstrum is the orthonormal DCT-II of 10·log10 of the mel energies, floored at
10⁻¹⁰; coefficient 0, a loudness, is left out.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
from scipy.fft import dct

from earwitness.signals.blind.frames import Frames, mean, sd
from earwitness.types import Floats

COEFFICIENTS = 7
MEL_BANDS = 40
ROLLOFF_SHARE = 0.85
_FLOOR = 1e-10

UNITS = {
    "centroid_mean": "Hz",
    "centroid_sd": "Hz",
    "bandwidth_mean": "Hz",
    "bandwidth_sd": "Hz",
    "rolloff_mean": "Hz",
    "rolloff_sd": "Hz",
    "flatness_mean": "dB",
    "flatness_sd": "dB",
    **{f"mfcc_mean/k={k}": "dB" for k in range(1, COEFFICIENTS + 1)},
    **{f"mfcc_sd/k={k}": "dB" for k in range(1, COEFFICIENTS + 1)},
}


def measure(frames: Frames) -> Sequence[float]:
    """The features of ``UNITS``, in its order; NaN where nothing sounds."""
    power, hertz = frames.power[frames.sounding], frames.frequencies
    total = power.sum(axis=1)
    power, total = power[total > 0], total[total > 0]
    if not power.size:
        return [np.nan] * len(UNITS)
    centroid = power @ hertz / total
    spread = np.sqrt(np.maximum(power @ hertz**2 / total - centroid**2, 0))
    rolloff = hertz[np.argmax(np.cumsum(power, axis=1) >= ROLLOFF_SHARE * total[:, None], axis=1)]
    relative = power / power.mean(axis=1, keepdims=True)
    flatness = 10 * np.log10(np.maximum(relative, _FLOOR)).mean(axis=1)
    cepstrum = mfcc(power, frames.sample_rate)[:, 1:]
    shape = [statistic(values) for values in (centroid, spread, rolloff, flatness) for statistic in (mean, sd)]
    return [*shape, *(mean(column) for column in cepstrum.T), *(sd(column) for column in cepstrum.T)]


def mfcc(power: Floats, sample_rate: int) -> Floats:
    """Mel-frequency cepstral coefficients 0…``COEFFICIENTS`` [frames, 1 + COEFFICIENTS] of power spectra."""
    filters = mel_filters(sample_rate, power.shape[1])
    bands = 10 * np.log10(np.maximum(power @ filters.T, _FLOOR))
    return np.asarray(dct(bands, type=2, norm="ortho", axis=1)[:, : COEFFICIENTS + 1])


@cache
def mel_filters(sample_rate: int, bins: int) -> Floats:
    """Triangular filters [MEL_BANDS, bins], evenly spaced in mel."""
    hertz = np.linspace(0, sample_rate / 2, bins)
    top = 2595 * np.log10(1 + sample_rate / 2 / 700)
    corners = 700 * (10 ** (np.linspace(0, top, MEL_BANDS + 2) / 2595) - 1)
    rising = (hertz - corners[:-2, None]) / np.diff(corners)[:-1, None]
    falling = (corners[2:, None] - hertz) / np.diff(corners)[1:, None]
    return np.maximum(0, np.minimum(rising, falling))
