"""Chord recognition: a chroma vector to each beat, the best name to each run of beats.

Goal: the chord tokens that FIGARO's preparation writes. Of each run of one to four beats the
pitch classes that sound are named by the template that fits best, and the runs that cover the
piece are chosen so that their scores add up to the most.

Conventions: a pitch class sounds in a run where its chroma (in velocity units) adds up to more
than 10. A name is ``root:quality``; ``root:None`` has neither or both thirds, ``N:N`` is silence.
"""

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from earwitness.targets.figaro.chroma import chroma
from earwitness.targets.figaro.timeline import Timeline
from earwitness.targets.figaro.vocabulary import NO_CHORD, PITCH_CLASSES

if TYPE_CHECKING:
    from symusic import Score

LONGEST_RUN = 4
SOUNDS_ABOVE = 10.0

# What each interval above the root adds to a quality's score: 0 for notes of the chord itself.
_WORTH = {
    #        0   1   2   3   4   5   6   7   8   9  10  11
    "maj":  (0, -2, -1, -2,  0, -1, -2, 10, -2, -1, -2, -2),
    "min":  (0, -2, -1,  0, -2, -1, -2, 10, -1, -2,  0, -2),
    "dim":  (0, -2, -1,  0, -2, -1,  0, -2, -2, 10, -1, -2),
    "aug":  (0, -2, -1, -2,  0, -1, -2, -2,  0, -1, -2,  0),
    "dom7": (0, -2, -1, -2,  0, -1, -2, 10, -2, -1,  0, -2),
    "maj7": (0, -2, -1, -2,  0, -1, -2, 10, -2, -1, -2,  0),
    "min7": (0, -2, -1,  0, -2, -1, -2, 10, -1, -2,  0, -2),
}  # fmt: skip
_UNNAMED = -100


class Chord(NamedTuple):
    """A chord and the tick at which it begins."""

    tick: int
    name: str


class _Name(NamedTuple):
    """A run's chord, its lowest-numbered sounding pitch class, and how well it fits."""

    chord: str
    bass: str
    score: int


def recognise(score: "Score", timeline: Timeline) -> list[Chord]:
    """Chords in order; neighbours differ in name or in their lowest-numbered pitch class."""
    runs = _best_runs(chroma(score, timeline))
    return [
        Chord(int(timeline.beats[beat]), name.chord)
        for i, (beat, name) in enumerate(runs)
        if i == 0 or (name.chord, name.bass) != (runs[i - 1][1].chord, runs[i - 1][1].bass)
    ]


def _best_runs(sounding: NDArray[np.float64]) -> list[tuple[int, _Name]]:
    """First beat and name of each run of the best cover; of equal covers the one found first."""
    beats = sounding.shape[1]
    totals = np.full(beats + 1, -np.inf)
    totals[0] = 0
    chosen: list[tuple[int, _Name]] = [(0, _Name(NO_CHORD, "N", 0))] * (beats + 1)
    for start in range(beats):
        for stop in range(start + 1, min(start + LONGEST_RUN, beats) + 1):
            name = _name(tuple(np.flatnonzero(sounding[:, start:stop].sum(axis=1) > SOUNDS_ABOVE).tolist()))
            if totals[start] + name.score > totals[stop]:
                totals[stop], chosen[stop] = totals[start] + name.score, (start, name)
    runs: list[tuple[int, _Name]] = []
    stop = beats
    while stop > 0:
        runs.append(chosen[stop])
        stop = chosen[stop][0]
    return runs[::-1]


@cache
def _name(sounding: tuple[int, ...]) -> _Name:
    """The best-fitting chord of pitch classes; of equally good roots the lowest-numbered."""
    if not sounding:
        return _Name(NO_CHORD, "N", 10)
    fits = []
    for root in sounding:
        quality, worth = _fit(frozenset((pitch - root) % 12 for pitch in sounding))
        fits.append(_Name(f"{PITCH_CLASSES[root]}:{quality}", PITCH_CLASSES[sounding[0]], worth))
    return max(fits, key=lambda name: name.score)


def _fit(intervals: frozenset[int]) -> tuple[str, int]:
    if (3 in intervals) == (4 in intervals):
        return "None", _UNNAMED
    if 3 in intervals:
        quality = "dim" if 6 in intervals else "min7" if 10 in intervals else "min"
    else:
        quality = "aug" if 8 in intervals else "dom7" if 10 in intervals else "maj7" if 11 in intervals else "maj"
    return quality, sum(_WORTH[quality][interval] for interval in intervals)
