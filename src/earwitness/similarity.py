"""How alike two stretches of music sound, moment by moment.

Goal: one number that is 1 where two stretches are the same recording, near 0 where they have
nothing to do with each other, and deaf to loudness and overall colour.

Measure: the correlation of their log spectrograms, a semitone a band, with every band's mean over
time and every moment's mean over bands taken out first. So two tracks are not alike because both
are played on a fiddle, in the same room or at the same tempo: only *which notes sound when*
counts. The best lag within a quarter of a second is taken, since a continuation may come in late.

Conventions: waveforms float32 [samples] or [2, samples] at the same sample rate in Hz; spectrograms
[bands, frames] in dB. Undefined (silence, or less than ``SHORTEST`` seconds) is NaN.
"""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.signal import get_window

from earwitness.types import Floats, Wave

_Scalar = TypeVar("_Scalar", bound=np.generic)

SHORTEST = 0.5
"""Seconds that a comparison needs at least; two shorter stretches are alike by chance too often."""
_HOP = 0.032
_FRAME = 0.128
_LOWEST = 110.0  # Hz; below, a frame does not resolve a semitone
_HIGHEST = 7040.0
_FLOOR_DB = 60.0
_LAG = 0.25
_SHORTEST_LOOP = 0.25


def similarity(first: Wave, second: Wave, *, sample_rate: int) -> float:
    """Correlation of two stretches' centred log spectrograms at the best lag within ±0.25 s.

    ``max_s Σ A(b, t) B(b, t+s) / sqrt(Σ A² Σ B²)`` over bands b and common moments t. 1 for the same
    recording at any loudness; symmetric but for rounding.
    """
    return _best_lag(log_spectrogram(first, sample_rate), log_spectrogram(second, sample_rate))


def loop_similarity(prompt: Wave, following: Wave, *, sample_rate: int) -> float:
    """Similarity of ``following`` with the best of all repetitions of the prompt's end.

    The last L seconds of the prompt, over and over, for every L from a quarter of a second to the
    whole prompt: what somebody would reach who only repeats what was just heard.
    """
    heard, truth = (log_spectrogram(wave, sample_rate) for wave in (prompt, following))
    shortest = round(_SHORTEST_LOOP / _HOP)
    found = [_best_lag(looped(heard, period, truth.shape[1]), truth) for period in range(shortest, heard.shape[1] + 1)]
    known = [value for value in found if not np.isnan(value)]
    return max(known, default=float("nan"))


def looped(values: NDArray[_Scalar], period: int, length: int) -> NDArray[_Scalar]:
    """The last ``period`` columns of [rows, T], repeated to ``length`` columns."""
    return values[:, values.shape[1] - period :][:, np.arange(length) % period]


def log_spectrogram(wave: Wave, sample_rate: int) -> Floats:
    """Power in semitone bands, dB [bands, frames], nothing lower than 60 dB under the loudest cell.

    Two channels are mixed down. Bands go from 110 Hz to 7 kHz or the Nyquist frequency, a frame is
    128 ms every 32 ms.
    """
    mono = wave.astype(np.float64) if wave.ndim == 1 else wave.mean(axis=0, dtype=np.float64)
    size, hop = round(_FRAME * sample_rate), round(_HOP * sample_rate)
    if len(mono) < max(size, SHORTEST * sample_rate):
        return np.empty((0, 0))
    frames = np.lib.stride_tricks.sliding_window_view(mono, size)[::hop]
    power = np.abs(np.fft.rfft(frames * get_window("hann", size), axis=1)) ** 2
    bands = _bands(size, sample_rate) @ power.T
    loudest = bands.max(initial=0.0)
    if loudest == 0:
        return np.empty((0, 0))
    return np.asarray(10 * np.log10(np.maximum(bands / loudest, 10 ** (-_FLOOR_DB / 10))))


def _bands(size: int, sample_rate: int) -> Floats:
    """Triangular weights [bands, bins], a semitone from peak to peak."""
    highest = min(_HIGHEST, 0.45 * sample_rate)
    count = int(12 * np.log2(highest / _LOWEST)) + 1
    frequencies = np.maximum(np.fft.rfftfreq(size, 1 / sample_rate), 1.0)
    semitones = 12 * np.log2(frequencies / _LOWEST)
    return np.asarray(np.maximum(0.0, 1 - np.abs(semitones[None] - np.arange(count)[:, None])))


def _best_lag(first: Floats, second: Floats) -> float:
    frames = min(first.shape[1], second.shape[1])
    if frames < SHORTEST / (2 * _HOP):
        return float("nan")
    a, b = (_centred(values[:, :frames]) for values in (first, second))
    most = min(round(_LAG / _HOP), frames // 2)
    found = [_correlation(a[:, : frames - lag], b[:, lag:]) for lag in range(most + 1)]
    found += [_correlation(a[:, lag:], b[:, : frames - lag]) for lag in range(1, most + 1)]
    return max((value for value in found if not np.isnan(value)), default=float("nan"))


def _centred(values: Floats) -> Floats:
    level = values - values.mean(axis=1, keepdims=True)
    return np.asarray(level - level.mean(axis=0, keepdims=True))


def _correlation(a: Floats, b: Floats) -> float:
    scale = np.sqrt((a * a).sum() * (b * b).sum())
    return float((a * b).sum() / scale) if scale > 1e-9 else float("nan")
