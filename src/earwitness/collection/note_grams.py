"""Note n-grams: what stays of a score when it is transposed, played by other instruments or at another tempo.

Conventions: the notes of one onset are a slice, of which the highest and the lowest count; a mark is five
slices in a row, as the steps of both and the distances in time between them (twelfths of a quarter).
Marks say what is played, not when: an agreement needs no common delay.
"""

from typing import TYPE_CHECKING

import numpy as np

from earwitness.collection.landmarks import Landmarks

if TYPE_CHECKING:
    from symusic import Score

SAME_SHARE = 0.5
"""Share of the smaller score's marks: pieces of one composer have figures in common."""
_SLICES = 5
_PER_QUARTER = 12
_PRIME = np.uint64(1_099_511_628_211)


def note_grams(score: "Score") -> Landmarks:
    """The distinct n-grams of a score's pitched notes, all at time 0."""
    notes = np.array(
        [
            (round(note.start * _PER_QUARTER / score.ticks_per_quarter), note.pitch)
            for track in score.tracks
            if not track.is_drum
            for note in track.notes
        ],
        dtype=np.int64,
    ).reshape(-1, 2)
    onsets, index = np.unique(notes[:, 0], return_inverse=True)
    top, bottom = np.full(len(onsets), -1), np.full(len(onsets), 128)
    np.maximum.at(top, index, notes[:, 1])
    np.minimum.at(bottom, index, notes[:, 1])
    steps = np.stack([np.diff(onsets), np.diff(top), np.diff(bottom), top[1:] - bottom[1:]], axis=1) + 4096
    if len(steps) < _SLICES:
        return Landmarks(codes=np.empty(0, dtype=np.uint64), times=np.empty(0, dtype=np.float32), same_share=SAME_SHARE)
    windows = np.lib.stride_tricks.sliding_window_view(steps.astype(np.uint64), _SLICES, axis=0)
    codes = np.zeros(len(windows), dtype=np.uint64)
    for column in windows.reshape(len(windows), -1).T:  # FNV-1a: overflow is what it is made of
        codes = (codes ^ column) * _PRIME
    distinct = np.unique(codes)
    return Landmarks(codes=distinct, times=np.zeros(len(distinct), dtype=np.float32), same_share=SAME_SHARE)
