"""Marks: inaudible changes that make one copy of a work another, drawn without a look at anything but a seed.

Goal: copies that a listener cannot tell apart and a model that was trained on one of them might. Conventions: a wave
is float64 [channels, samples]; length and channels stay as they are; ``strength`` 1 is the default, and 0 changes
nothing. A mark knows neither the key nor which copy will be published.
"""

from collections.abc import Callable, Sequence

import numpy as np
import soxr
from scipy.signal import fftconvolve, firwin2, istft, stft

from earwitness.types import Floats

_OFFSET_SECONDS = 0.020
_TILT_DB = 0.3
_CENTS = 1.0
_NOISE_DB = -60.0
_BANDS, _TAPS = 24, 1023
_BLOCK = 2048

Apply = Callable[[Floats, int, np.random.Generator, float], Floats]


def timing(wave: Floats, sample_rate: int, rng: np.random.Generator, strength: float) -> Floats:
    """Start later by up to 20 ms, a fraction of a sample included: no token or frame grid falls where it fell."""
    delay = rng.uniform(0, _OFFSET_SECONDS * strength) * sample_rate
    whole = int(delay)
    length = wave.shape[1]
    # A fraction of a sample by a windowed sinc, so that nothing wraps around the end.
    taps = np.arange(-16, 17)
    kernel = np.sinc(taps - (delay - whole)) * np.hanning(len(taps) + 2)[1:-1]
    shifted = fftconvolve(wave, kernel[None] / kernel.sum(), axes=1, mode="same")
    return np.asarray(np.pad(shifted, ((0, 0), (whole, 0)))[:, :length])


def tilt(wave: Floats, sample_rate: int, rng: np.random.Generator, strength: float) -> Floats:
    """Raise and lower 24 bands, evenly spaced in octaves from 60 Hz, by at most ±.3 dB, without a shift in time."""
    edges = np.geomspace(60, 0.45 * sample_rate, _BANDS)
    decibels = rng.uniform(-_TILT_DB, _TILT_DB, _BANDS) * strength
    frequencies = np.concatenate([[0.0], edges, [sample_rate / 2]])
    gains = 10 ** (np.concatenate([decibels[:1], decibels, decibels[-1:]]) / 20)
    kernel = firwin2(_TAPS, frequencies, gains, fs=sample_rate)
    return np.asarray(fftconvolve(wave, kernel[None], axes=1, mode="same"))


def pitch(wave: Floats, sample_rate: int, rng: np.random.Generator, strength: float) -> Floats:
    """Play higher and faster, or lower and slower, by at most ±1 cent (.06 %); the end is cut or filled up."""
    rate = 2 ** (rng.uniform(-_CENTS, _CENTS) * strength / 1200)
    # soxr takes any ratio; both rates are only a ratio here.
    played = soxr.resample(wave.T, sample_rate * rate, sample_rate, quality="VHQ").T
    length = wave.shape[1]
    return np.asarray(np.pad(played, ((0, 0), (0, max(0, length - played.shape[1]))))[:, :length])


def noise(wave: Floats, sample_rate: int, rng: np.random.Generator, strength: float) -> Floats:
    """Add noise 60 dB below the music in every band and at every moment, so that the music masks it."""
    if strength == 0:
        return wave
    block = min(_BLOCK, wave.shape[1])
    _, _, spectrum = stft(wave, nperseg=block)
    turned = np.abs(spectrum) * np.exp(2j * np.pi * rng.random(spectrum.shape))
    added = istft(turned, nperseg=block)[1][:, : wave.shape[1]]
    added = np.pad(added, ((0, 0), (0, wave.shape[1] - added.shape[1])))
    return np.asarray(wave + 10 ** (_NOISE_DB / 20) * strength * added)


MARKS: dict[str, Apply] = {"timing": timing, "tilt": tilt, "pitch": pitch, "noise": noise}
"""Every kind of mark for audio by its name."""


def marked(wave: Floats, sample_rate: int, kinds: Sequence[str], seed: bytes, *, strength: float = 1.0) -> Floats:
    """Return a copy of a work ``[channels, samples]`` with marks of these kinds, drawn by the seed.

    Samples that the marks would take beyond full scale are held at it where the work itself is within.
    """
    rng = np.random.default_rng(np.frombuffer(seed, dtype=np.uint32))
    peak = max(1.0, float(np.abs(wave).max()))
    for kind in kinds:
        wave = MARKS[kind](wave, sample_rate, rng, strength)
    return np.clip(wave, -peak, peak)
