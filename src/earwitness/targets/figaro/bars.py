"""Bars of a score: its notes on FIGARO's grid, with the chords and the tempo that begin in each.

Goal: one reading of a score that both the music's tokens and its description are made from.

Conventions: times are ticks. Notes begin on a grid of twelve positions a quarter, counted from
the start of the piece and rounded down; their ends move along, after the sustain pedal has
lengthened them. Bars without notes at either end are dropped.
"""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from earwitness.targets.figaro.chords import Chord, recognise
from earwitness.targets.figaro.chroma import pedals
from earwitness.targets.figaro.timeline import Clock, Metre, Timeline
from earwitness.targets.figaro.vocabulary import DRUMS, POSITIONS_PER_QUARTER

if TYPE_CHECKING:
    from symusic import Note as ScoreNote
    from symusic import Score


SECONDS_BETWEEN_TEMPI = 480
"""FIGARO's preparation takes ticks for seconds here: it looks a tempo up every 480 of them."""


class Tempo(NamedTuple):
    """A tempo in whole quarters per minute, and the tick at which it is written."""

    tick: int
    quarters_per_minute: int


class Note(NamedTuple):
    """A note; fields in sorting order. ``program`` is −1 for percussion."""

    start: int
    program: int
    pitch: int
    end: int
    velocity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A bar and what begins in it, each in order."""

    start: int
    metre: Metre
    resolution: int
    notes: tuple[Note, ...]
    chords: tuple[Chord, ...]
    tempi: tuple[Tempo, ...]

    @property
    def positions(self) -> int:
        """How many positions the metre gives it, at least one."""
        return max(1, int(POSITIONS_PER_QUARTER * self.metre.quarters_per_bar))

    def nearest_positions(self, ticks: list[int]) -> list[int]:
        """The position nearest to each tick, the lower one where two are equally near."""
        length = self.resolution * self.metre.quarters_per_bar
        grid = np.linspace(self.start, self.start + length, self.positions, endpoint=False)
        nearest: list[int] = np.searchsorted((grid[1:] + grid[:-1]) / 2, ticks, side="left").tolist()
        return nearest


def read_bars(score: "Score") -> list[Bar]:
    """Bars of a score in ticks, from the first to the last that has notes."""
    timeline = Timeline.of(score)
    notes = _notes(score, timeline)
    chords, tempi = _chords(score, timeline), _tempi(timeline.clock, timeline.end)
    note_starts, chord_starts = [note.start for note in notes], [chord.tick for chord in chords]
    bars = []
    for start, stop in pairwise([*timeline.downbeats.tolist(), timeline.end]):
        metre = timeline.metre_at(start)
        bars.append(
            Bar(
                start=start, metre=metre, resolution=timeline.resolution,
                notes=tuple(notes[bisect_left(note_starts, start) : bisect_left(note_starts, stop)]),
                chords=tuple(chords[bisect_left(chord_starts, start) : bisect_left(chord_starts, stop)]),
                tempi=tuple(tempo for tempo in tempi if start <= tempo.tick < stop),
            )
        )  # fmt: skip
    sounding = [i for i, bar in enumerate(bars) if bar.notes]
    return bars[sounding[0] : sounding[-1] + 1] if sounding else []


def _notes(score: "Score", timeline: Timeline) -> list[Note]:
    read = []
    for track in score.tracks:
        program = DRUMS if track.is_drum else int(track.program)
        held = pedals(track)
        read += [_read(note, program, held) for note in sorted(track.notes, key=lambda note: (note.start, note.pitch))]
    read.sort(key=lambda note: (note.start, note.pitch))
    grid = _grid(timeline)
    on_grid = []
    for note in read:
        start = grid[max(0, bisect_right(grid, note.start) - 1)]
        on_grid.append(note._replace(start=round(start), end=note.end + round(start) - note.start))
    return sorted(on_grid, key=lambda note: note[:3])


def _read(note: "ScoreNote", program: int, held: list[tuple[int, int]]) -> Note:
    """A note as it sounds: to the end of the last pedal that goes down before it ends."""
    start, end = int(note.start), int(note.end)
    before = bisect_right(held, end, key=lambda pedal: pedal[0])
    released = held[before - 1][1] if before else start
    return Note(start, program, int(note.pitch), max(end, released), int(note.velocity))


def _grid(timeline: Timeline) -> list[float]:
    step = timeline.resolution / POSITIONS_PER_QUARTER
    grid: list[float] = np.arange(0, max(timeline.resolution, timeline.end), step).tolist()
    return grid


def _tempi(clock: Clock, end: int) -> list[Tempo]:
    """A tempo every 480 seconds: the one that is set at that very moment, else the one before in this list."""
    set_at = dict(zip(clock.times.tolist(), clock.tempi.tolist(), strict=True))
    moments = np.arange(0, float(clock.seconds(np.array(end))) + 1, SECONDS_BETWEEN_TEMPI)
    tempi: list[Tempo] = []
    for moment, tick in zip(moments.tolist(), clock.nearest_ticks(moments).tolist(), strict=True):
        tempi.append(Tempo(tick, int(set_at[moment]) if moment in set_at else tempi[-1].quarters_per_minute))
    return tempi


def _chords(score: "Score", timeline: Timeline) -> list[Chord]:
    if timeline.end < timeline.resolution:  # less than a quarter in all
        return []
    return recognise(score, timeline)
