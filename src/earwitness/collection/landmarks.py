"""Landmarks: what stays of a recording when it is re-encoded, made quieter, trimmed or played a little faster.

Goal: a set of integers with times, few enough to keep for thousands of tracks and such that the same
recording in other clothes shares many of them, in order, and another recording next to none.
Conventions: the spectrogram's local maxima (32 ms × quarter-tones between 250 and 3800 Hz) are joined in
threes; a landmark is the coarse pitch of the first, the intervals to the other two and their delays. No
loudness enters. An interval does not change with speed, and 1 % of a delay is less than one step.

Source: the constellation of Wang (ISMIR 2003), in triples and intervals as in Six and Leman (Panako, ISMIR 2014).
"""

from dataclasses import dataclass

import numpy as np
import scipy.fft
import soxr
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d

SAME_SHARE = 0.15
"""Of the smaller track's marks: between copies (0.2 and more) and other pieces on one synthesiser (up to 0.08)."""
RATE = 8000
FRAME, HOP = 1024, 256
LONGEST_SECONDS = 240
_LOWEST, _HIGHEST = 250.0, 3800.0
_BANDS_PER_OCTAVE = 24
_NEAR_FRAMES, _NEAR_BANDS = 15, 9
_FAINTEST = 1e-3
"""Of the loudest peak: what lies 60 dB below it is noise of the encoder."""
_FRAMES_PER_BLOCK = 4096
_FOLLOWERS, _EARLIEST, _LATEST = 5, 3, 64
_WIDEST = 1.5
_TIME_STEP, _PITCH_STEP = 2, 0.25


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Landmarks:
    """Marks of a track: uint64 [n], when each begins, in seconds, float32 [n], and what share of them makes a match."""

    codes: NDArray[np.uint64]
    times: NDArray[np.float32]
    same_share: float = SAME_SHARE


def landmarks(samples: NDArray[np.float32], sample_rate: int) -> Landmarks:
    """Find the landmarks of a mono waveform [n]; of a long track those of its first four minutes."""
    wave = samples[: LONGEST_SECONDS * sample_rate]
    if sample_rate != RATE:
        wave = soxr.resample(wave, sample_rate, RATE, quality="LQ")
    frames, octaves = _peaks(wave)
    return _triples(frames, octaves)


def _peaks(wave: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Frame and pitch (octaves above 1 Hz) of every local maximum, in order of time, then pitch."""
    if len(wave) < FRAME:
        return np.empty(0, dtype=np.int64), np.empty(0)
    views = np.lib.stride_tricks.sliding_window_view(wave, FRAME)[::HOP]
    window = np.hanning(FRAME).astype(np.float32)
    hertz = np.fft.rfftfreq(FRAME, 1 / RATE)
    bands = int(np.log2(_HIGHEST / _LOWEST) * _BANDS_PER_OCTAVE)
    edges = np.searchsorted(hertz, _LOWEST * 2 ** (np.arange(bands + 1) / _BANDS_PER_OCTAVE))
    edges = np.unique(edges)
    spectrum = np.concatenate(
        [
            np.abs(scipy.fft.rfft(views[at : at + _FRAMES_PER_BLOCK] * window, axis=1))[:, : edges[-1] + 1]
            for at in range(0, len(views), _FRAMES_PER_BLOCK)
        ]
    )
    banded = np.maximum.reduceat(spectrum[:, : edges[-1]], edges[:-1], axis=1)
    highest = maximum_filter1d(maximum_filter1d(banded, _NEAR_FRAMES, axis=0), _NEAR_BANDS, axis=1)
    frames, found = np.nonzero((banded == highest) & (banded > _FAINTEST * banded.max()))
    return frames, np.log2(_refined_bins(spectrum, edges, frames, found) * RATE / FRAME)


def _refined_bins(
    spectrum: NDArray[np.float32], edges: NDArray[np.int64], frames: NDArray[np.int64], bands: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Where in its band a maximum lies, in bins, by a parabola through it and its neighbours."""
    widths = np.diff(edges)
    within = np.arange(widths.max())
    candidates = edges[bands][:, None] + np.minimum(within, widths[bands][:, None] - 1)
    bins = edges[bands] + np.minimum(spectrum[frames[:, None], candidates].argmax(axis=1), widths[bands] - 1)
    left, middle, right = (np.log(spectrum[frames, bins + d].astype(np.float64) + 1e-12) for d in (-1, 0, 1))
    curvature = left - 2 * middle + right
    shift = np.where(curvature < 0, 0.5 * (left - right) / np.where(curvature < 0, curvature, -1), 0.0)
    refined: NDArray[np.float64] = bins + np.clip(shift, -0.5, 0.5)
    return refined


def _triples(frames: NDArray[np.int64], octaves: NDArray[np.float64]) -> Landmarks:
    """Join every peak with pairs of those that follow it soon and not too far in pitch."""
    n = len(frames)
    found = np.zeros(n, dtype=np.int64)
    table = np.full((n, _FOLLOWERS), -1, dtype=np.int64)
    index = np.arange(n)
    for ahead in range(1, min(n, 8 * _FOLLOWERS)):
        anchor = index[: n - ahead]
        other = anchor + ahead
        delay = frames[other] - frames[anchor]
        fits = (delay >= _EARLIEST) & (delay <= _LATEST) & (found[anchor] < _FOLLOWERS)
        fits &= np.abs(octaves[other] - octaves[anchor]) <= _WIDEST
        chosen = anchor[fits]
        table[chosen, found[chosen]] = other[fits]
        found[chosen] += 1
    codes, starts = [], []
    for first in range(_FOLLOWERS):
        for second in range(first + 1, _FOLLOWERS):
            anchor = np.flatnonzero(table[:, second] >= 0)
            b, c = table[anchor, first], table[anchor, second]
            codes.append(_code(frames, octaves, anchor, b, c))
            starts.append(frames[anchor])
    if not codes:
        return Landmarks(codes=np.empty(0, dtype=np.uint64), times=np.empty(0, dtype=np.float32))
    times = np.concatenate(starts) * np.float32(HOP / RATE)
    return Landmarks(codes=np.concatenate(codes), times=times.astype(np.float32))


def _code(
    frames: NDArray[np.int64],
    octaves: NDArray[np.float64],
    a: NDArray[np.int64],
    b: NDArray[np.int64],
    c: NDArray[np.int64],
) -> NDArray[np.uint64]:
    code = np.floor(octaves[a] / _PITCH_STEP).astype(np.int64)
    for other in (b, c):
        interval = np.round((octaves[other] - octaves[a]) * _BANDS_PER_OCTAVE).astype(np.int64) + 128
        code = (code * 256 + interval) * 256 + (frames[other] - frames[a]) // _TIME_STEP
    return code.astype(np.uint64)
