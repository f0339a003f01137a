"""Frames, levels and power spectra of a waveform: what every acoustic feature is made of.

Goal: cut the waveform once, transform it once, and hand the result to all features.

Conventions: frames of about 64 ms (a power of two of samples) with half overlap, whole
frames only; a Hann window (periodic); power spectra of float32 samples in double
precision. Levels are in dB re full scale; a frame of digital zeros has no level (NaN).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import rfft
from scipy.signal import get_window

from earwitness.types import Floats

FRAME_SECONDS = 0.064
SILENCE_DB = 60.0  # a frame this far below the loudest one is silent


@dataclass(frozen=True, slots=True)
class Frames:
    """One waveform, cut and transformed.

    Attributes
    ----------
    wave
        [samples], full scale is ±1.
    sample_rate
        Hz.
    blocks
        [frames, length] samples of each frame, not windowed.
    power
        [frames, bins] |STFT|², bins from 0 Hz to half the sample rate.
    hop
        Samples from one frame to the next.
    """

    wave: Floats
    sample_rate: int
    blocks: Floats
    power: Floats
    hop: int

    @classmethod
    def of(cls, wave: NDArray[np.floating], sample_rate: int) -> "Frames":
        """Cut and transform ``wave`` [samples]; shorter than one frame gives no frames at all."""
        if wave.ndim != 1:
            raise ValueError(f"the waveform has shape {wave.shape}; one channel, [samples], is needed")
        samples = wave.astype(np.float64)
        length = frame_length(sample_rate)
        hop = length // 2
        if samples.size < length:
            blocks = np.empty((0, length))
        else:
            blocks = np.lib.stride_tricks.sliding_window_view(samples, length)[::hop]
        window = get_window("hann", length, fftbins=True)
        spectrum = rfft(blocks * window, axis=1)
        return cls(samples, sample_rate, blocks, spectrum.real**2 + spectrum.imag**2, hop)

    @property
    def frequencies(self) -> Floats:
        """Hz of each bin."""
        return np.asarray(np.fft.rfftfreq(self.blocks.shape[1], 1 / self.sample_rate), dtype=np.float64)

    @property
    def seconds_per_hop(self) -> float:
        """Time from one frame to the next."""
        return self.hop / self.sample_rate

    @property
    def level_db(self) -> Floats:
        """[frames] root-mean-square level; NaN for a frame of zeros."""
        return decibels(np.einsum("ij,ij->i", self.blocks, self.blocks) / self.blocks.shape[1])

    @property
    def sounding(self) -> NDArray[np.bool_]:
        """[frames] whether a frame is within ``SILENCE_DB`` of the loudest one."""
        level = self.level_db
        if not np.isfinite(level).any():
            return np.zeros(level.shape, dtype=np.bool_)
        return np.asarray(level > np.nanmax(level) - SILENCE_DB)


def frame_length(sample_rate: int) -> int:
    """Samples in a frame: the power of two nearest to ``FRAME_SECONDS``."""
    return int(2 ** np.round(np.log2(FRAME_SECONDS * sample_rate)))


def decibels(power: NDArray[np.float64]) -> Floats:
    """10·log10 of a power; NaN where there is none."""
    with np.errstate(divide="ignore"):
        level = 10 * np.log10(power)
    return np.where(np.isfinite(level), level, np.nan)


def mean(values: Floats) -> float:
    """Mean of the defined values; NaN where there is none."""
    defined = values[np.isfinite(values)]
    return float(defined.mean()) if defined.size else np.nan


def sd(values: Floats) -> float:
    """Standard deviation of the defined values; NaN with fewer than two."""
    defined = values[np.isfinite(values)]
    return float(defined.std(ddof=1)) if defined.size > 1 else np.nan


def quantile(values: Floats, level: float) -> float:
    """Quantile of the defined values; NaN where there is none."""
    defined = values[np.isfinite(values)]
    return float(np.quantile(defined, level)) if defined.size else np.nan
