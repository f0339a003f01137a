"""Chroma: how strongly each pitch class sounds from beat to beat, for chord recognition.

Goal: the numbers that FIGARO's preparation takes from pretty_midi, computed in ticks' own seconds:
velocities of sounding notes in frames of 10 ms, held by the sustain pedal, bent by pitch bends
(±2 semitones, shared out between the two nearest pitches), averaged over each beat.

Conventions: chroma [12, beats]; percussion has none, and nothing sounds after the last beat.
"""

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from earwitness.targets.figaro.timeline import Timeline, last_tick

if TYPE_CHECKING:
    from symusic import Score, Track

FRAMES_PER_SECOND = 100
SUSTAIN_PEDAL = 64
_SEMITONES_PER_BEND = 2 / 8192


def chroma(score: "Score", timeline: Timeline) -> NDArray[np.float64]:
    """Mean velocity of each pitch class in each beat."""
    beats = timeline.clock.seconds(timeline.beats) * FRAMES_PER_SECOND
    edges = np.round(beats).astype(np.int64)
    summed = np.zeros((12, len(edges)))
    for track in score.tracks:
        if track.is_drum or not len(track.notes):
            continue
        # A track has whole frames only, so its last beat may lack one.
        frames = max(int(beats[-1]), int(_frames([last_tick(track)], timeline)[0]))
        starts = np.minimum(edges[:-1], frames)
        stops = np.minimum(np.maximum(edges[1:], edges[:-1] + 1), frames)
        pitches, roll = _roll(track, timeline, frames)
        if any(bend.value for bend in track.pitch_bends):
            classes = _by_class(*_bent(pitches, roll, track, timeline))
        else:
            classes = _by_class(pitches, roll)
        sums = np.pad(np.cumsum(classes, axis=1), ((0, 0), (1, 0)))
        summed[:, :-1] += (sums[:, stops] - sums[:, starts]) / np.maximum(stops - starts, 1)
    return summed


def _by_class(pitches: NDArray[np.int64], roll: NDArray[np.int32] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums over octaves [12, frames]."""
    return np.stack([roll[pitches % 12 == pitch_class].sum(axis=0, dtype=np.float64) for pitch_class in range(12)])


def pedals(track: "Track") -> list[tuple[int, int]]:
    """Ticks at which the sustain pedal goes down and up; one that is never released does not count."""
    found: list[tuple[int, int]] = []
    pressed: int | None = None
    for control in track.controls:
        if control.number != SUSTAIN_PEDAL:
            continue
        if control.value >= 64 and pressed is None:
            pressed = int(control.time)
        elif control.value < 64 and pressed is not None:
            found.append((pressed, int(control.time)))
            pressed = None
    return found


def _roll(track: "Track", timeline: Timeline, frames: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """A track's pitches, and their velocities frame by frame [pitches, frames]."""
    starts = np.minimum(_frames([note.start for note in track.notes], timeline), frames)
    stops = np.minimum(_frames([note.end for note in track.notes], timeline), frames)
    pitches, rows = np.unique(np.array([note.pitch for note in track.notes], dtype=np.int64), return_inverse=True)
    velocities = np.array([note.velocity for note in track.notes], dtype=np.int32)
    changes = np.zeros((len(pitches), frames + 1), dtype=np.int32)
    np.add.at(changes, (rows, starts), velocities)
    np.add.at(changes, (rows, stops), -velocities)
    roll = np.cumsum(changes, axis=1, dtype=np.int32)[:, :frames]
    for pressed, released in pedals(track):
        first, last = _frames([pressed, released], timeline)
        # A held note keeps the greatest velocity it has had since the pedal went down.
        roll[:, first:last] = np.maximum.accumulate(roll[:, first:last], axis=1)
    return pitches, roll


def _bent(
    pitches: NDArray[np.int64], roll: NDArray[np.int32], track: "Track", timeline: Timeline
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Every pitch, and velocities after the bends."""
    straight = np.zeros((128, roll.shape[1]))
    straight[pitches] = roll
    bent = straight.copy()
    bends = sorted(((int(bend.time), int(bend.value)) for bend in track.pitch_bends), key=lambda bend: bend[0])
    edges = [*_frames([tick for tick, _ in bends], timeline).tolist(), roll.shape[1]]
    for (first, last), (_, value) in zip(pairwise(edges), bends, strict=True):
        if not value:
            continue
        semitones = value * _SEMITONES_PER_BEND
        whole = int(semitones)
        part, towards = abs(semitones - whole), 1 if value > 0 else -1
        near = _shifted(straight[:, first:last], whole)
        blended = (1 - part) * near + part * _shifted(near, towards)
        # The last pitch in the other direction has no neighbour to take from and keeps all of its own.
        edge = 0 if value > 0 else -1
        blended[edge] = near[edge]
        bent[:, first:last] = blended
    return np.arange(128), bent


def _shifted(rows: NDArray[np.float64], by: int) -> NDArray[np.float64]:
    """Rows moved up (positive) or down, zeros following."""
    moved = np.zeros_like(rows)
    if by > 0:
        moved[by:] = rows[:-by]
    elif by < 0:
        moved[:by] = rows[-by:]
    else:
        moved[:] = rows
    return moved


def _frames(ticks: list[int], timeline: Timeline) -> NDArray[np.int64]:
    seconds = timeline.clock.seconds(np.array(ticks, dtype=np.int64))
    return (seconds * FRAMES_PER_SECOND).astype(np.int64)
