"""Acoustic features of one window: level, timbre, bandwidth and rhythm, by name."""

import numpy as np
from numpy.typing import NDArray

from earwitness.signals.blind import bandwidth, level, rhythm, timbre
from earwitness.signals.blind.frames import Frames
from earwitness.spec import Direction, FeatureSpec

_FAMILIES = (level, timbre, bandwidth, rhythm)

ACOUSTIC_SPECS = tuple(
    FeatureSpec(name=f"blind/{name}", member_is=Direction.UNKNOWN, unit=unit)
    for family in _FAMILIES
    for name, unit in family.UNITS.items()
)


def acoustic_features(wave: NDArray[np.floating], sample_rate: int) -> dict[str, float]:
    """Describe a mono waveform [samples] (full scale ±1) without asking a model.

    Parameters
    ----------
    wave
        [samples], finite, float32 or float64.
    sample_rate
        Hz.

    Returns
    -------
    dict
        One number per name of ``ACOUSTIC_SPECS``, in its order; NaN where a feature is not defined
        (silence, a window too short for it, a band the sample rate does not hold). None has a direction.

    Raises
    ------
    ValueError
        For an array that is not one-dimensional or holds NaN or infinite samples.

    Examples
    --------
    >>> tone = np.sin(2 * np.pi * 1000 * np.arange(32_000) / 16_000)
    >>> round(acoustic_features(tone, 16_000)["blind/centroid_mean"])
    1000
    """
    if not np.isfinite(wave).all():
        raise ValueError("the waveform holds NaN or infinite samples")
    frames = Frames.of(wave, sample_rate)
    values = [value for family in _FAMILIES for value in family.measure(frames)]
    return {spec.name: value for spec, value in zip(ACOUSTIC_SPECS, values, strict=True)}
