"""Describe: what is measured of a file's sound or notes while it is decoded anyway.

Goal: everything that an inspection says of the sound comes from the one reading that indexing needs.
Conventions: the blind features are those of the audit, here at the file's own sample rate and as the mean over
up to three windows of 10 seconds; clipping and silence are of the whole track.
"""

import numpy as np
from numpy.typing import NDArray

from earwitness import audio, midi
from earwitness.collection.reading import Decoded
from earwitness.signals.blind import acoustic_features, score_features

CLIPPED, SILENT = "clipped_per_minute", "silent_share"
_WINDOWS, _SECONDS = 3, 10.0
_NEAR_FULL_SCALE = 10 ** (-1 / 20)
_AT_PEAK = 0.999
_RUN = 3
_SILENCE = 10 ** (-60 / 20)
_BLOCK_SECONDS = 0.05


def describe(decoded: Decoded) -> dict[str, float]:
    """Measure a decoded file; NaN where a feature is not defined."""
    if isinstance(decoded, midi.Midi):
        return score_features(decoded.score)
    assert isinstance(decoded, audio.Audio)
    wave, rate = decoded.samples, decoded.sample_rate
    rows = [acoustic_features(window, rate) for window in _windows(wave, round(_SECONDS * rate))]
    values = np.array([list(row.values()) for row in rows])
    known = ~np.isnan(values)
    means = np.where(known, values, 0).sum(axis=0) / np.where(known.any(axis=0), known.sum(axis=0), np.nan)
    about = {CLIPPED: clipped_runs(wave) * 60 / decoded.seconds, SILENT: silent_share(wave, rate)}
    return about | dict(zip(rows[0], means.tolist(), strict=True))


def clipped_runs(wave: NDArray[np.float32]) -> int:
    """Count runs of three samples or more within .1 % of the peak of a wave [n], where that is above −1 dBFS.

    Examples
    --------
    >>> clipped_runs(np.array([0, 1, 1, 1, 0, -1, -1, -1, -1, 0, 1, 0], dtype=np.float32))
    2
    """
    peak = float(max(wave.max(), -wave.min()))
    if peak < _NEAR_FULL_SCALE:
        return 0
    count = 0
    for side in (wave >= _AT_PEAK * peak, wave <= -_AT_PEAK * peak):
        edges = np.flatnonzero(np.diff(np.concatenate([[False], side, [False]])))
        count += int((edges[1::2] - edges[::2] >= _RUN).sum())
    return count


def silent_share(wave: NDArray[np.float32], sample_rate: int) -> float:
    """Share of blocks of 50 ms of a wave [n] whose level is below −60 dBFS; NaN where there is no whole block."""
    length = round(_BLOCK_SECONDS * sample_rate)
    blocks = wave[: len(wave) // length * length].reshape(-1, length)
    if not len(blocks):
        return float("nan")
    return float(np.mean(np.einsum("ij,ij->i", blocks, blocks) / length < _SILENCE**2))


def _windows(wave: NDArray[np.float32], length: int) -> list[NDArray[np.float32]]:
    """Up to three windows that do not overlap, spread evenly; of a short track all of it."""
    count = min(_WINDOWS, max(1, len(wave) // length))
    starts = (np.arange(count) + 0.5) / count * max(0, len(wave) - length)
    return [wave[start : start + length] for start in starts.astype(int).tolist()]
