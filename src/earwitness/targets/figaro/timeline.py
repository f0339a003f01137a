"""Where beats and bars lie, and when: a score's metrical grid in ticks and in seconds.

Goal: the bars are those that FIGARO's preparation saw. It takes beats and downbeats from
pretty_midi, whose rules are followed here: a beat is a denominator note, three of them where the
numerator is a multiple of 3 above 3; a time signature always begins a beat and a bar, cutting
the one before it short; before the first signature the metre is 4/4.

Beats are added up in seconds, as there, and only then become ticks: where a piece ends on a beat,
the rounding of that sum decides whether the end is one more beat, which the chords depend on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from symusic import Score, Track

DEFAULT_MSPQ = 500_000


class Metre(NamedTuple):
    """A time signature and the tick from which it holds."""

    tick: int
    numerator: int
    denominator: int

    @property
    def beats_per_bar(self) -> int:
        """How many beats a bar has."""
        return self.numerator // 3 if self._is_compound else self.numerator

    @property
    def quarters_per_bar(self) -> float:
        """A bar's length in quarters."""
        return 4 * self.numerator / self.denominator

    @property
    def _is_compound(self) -> bool:
        return self.numerator % 3 == 0 and self.numerator != 3

    def seconds_per_beat(self, quarters_per_minute: float) -> float:
        """A beat's length at a tempo."""
        if self.denominator not in (1, 2, 4, 8, 16, 32):
            return 60.0 / quarters_per_minute
        slowed = quarters_per_minute / 3.0 if self._is_compound else quarters_per_minute
        return 60.0 / (slowed * self.denominator / 4.0)


COMMON_TIME = Metre(0, 4, 4)


class Clock:
    """Ticks to seconds and back, through the tempo changes.

    Parameters
    ----------
    changes
        Microseconds a quarter from a tick on, by tick; 120 quarters per minute before the first.
    resolution
        Ticks a quarter.
    """

    def __init__(self, changes: dict[int, int], resolution: int) -> None:
        ticks, per_tick = [0], [60.0 / (6e7 / changes.get(0, DEFAULT_MSPQ) * resolution)]
        for tick in sorted(changes.keys() - {0}):
            seconds_per_tick = 60.0 / (6e7 / changes[tick] * resolution)
            if seconds_per_tick != per_tick[-1]:
                ticks.append(tick)
                per_tick.append(seconds_per_tick)
        self.ticks = np.array(ticks, dtype=np.int64)
        self._per_tick = np.array(per_tick)
        self.times = np.concatenate([[0.0], np.cumsum(np.diff(self.ticks) * self._per_tick[:-1])])
        self.tempi = 60.0 / (self._per_tick * resolution)
        """Quarters a minute from each of ``ticks``, which is at ``times``, on."""

    def seconds(self, ticks: NDArray[np.int64]) -> NDArray[np.float64]:
        """When ticks sound."""
        part = np.searchsorted(self.ticks, ticks, side="right") - 1
        times: NDArray[np.float64] = self.times[part] + (ticks - self.ticks[part]) * self._per_tick[part]
        return times

    def nearest_ticks(self, seconds: NDArray[np.float64]) -> NDArray[np.int64]:
        """The ticks that sound nearest to times."""
        part = np.searchsorted(self.times, seconds, side="right") - 1
        ticks = self.ticks[part] + (seconds - self.times[part]) / self._per_tick[part]
        nearest: NDArray[np.int64] = np.round(ticks).astype(np.int64)
        return nearest


@dataclass(frozen=True, slots=True, eq=False)
class Timeline:
    """The grid of a score.

    Attributes
    ----------
    resolution
        Ticks a quarter.
    end
        The tick of the last event of any kind.
    clock
        Ticks to seconds.
    metres
        The score's time signatures in order; 4/4 where it has none.
    beats, downbeats
        In ticks, int64.
    """

    resolution: int
    end: int
    clock: Clock
    metres: tuple[Metre, ...]
    beats: NDArray[np.int64]
    downbeats: NDArray[np.int64]

    @classmethod
    def of(cls, score: "Score") -> "Timeline":
        """Read the grid of a score whose times are ticks."""
        resolution, end = int(score.ticks_per_quarter), _last_tick(score)
        clock = Clock({int(tempo.time): int(tempo.mspq) for tempo in score.tempos if tempo.mspq > 0}, resolution)
        signatures = (Metre(int(s.time), int(s.numerator), int(s.denominator)) for s in score.time_signatures)
        metres = tuple(sorted((s for s in signatures if s.numerator > 0 and s.denominator > 0), key=lambda s: s.tick))
        metres = metres or (COMMON_TIME,)
        starts = clock.seconds(np.array([metre.tick for metre in metres], dtype=np.int64)).tolist()
        beats = _beats(metres, starts, clock, float(clock.seconds(np.array(end))))
        return cls(
            resolution=resolution, end=end, clock=clock, metres=metres, beats=clock.nearest_ticks(beats),
            downbeats=clock.nearest_ticks(_downbeats(metres, starts, beats)),
        )  # fmt: skip

    def metre_at(self, tick: int) -> Metre:
        """The metre of the bar that begins at a tick; before the first signature, the last one, as in FIGARO."""
        for now, following in pairwise(self.metres):
            if now.tick <= tick < following.tick:
                return now
        return self.metres[-1]


def last_tick(track: "Track") -> int:
    """The tick of a track's last event."""
    ends = [int(note.end) for note in track.notes]
    ends += [int(event.time) for kind in (track.controls, track.pitch_bends) for event in kind]
    return max(ends, default=0)


def _last_tick(score: "Score") -> int:
    ends = [int(event.time) for kind in (score.time_signatures, score.key_signatures, score.tempos) for event in kind]
    ends += [last_tick(track) for track in score.tracks if len(track.notes)]
    ends += [int(lyric.time) for track in score.tracks for lyric in track.lyrics]
    return max(ends, default=0)


def _beats(metres: Sequence[Metre], starts: Sequence[float], clock: Clock, end: float) -> NDArray[np.float64]:
    """Beats before the end, in seconds; the start of a metre is always one."""
    current = max((i for i, start in enumerate(starts) if start <= 0), default=0)
    beats, tempo = [0.0], 0
    while beats[-1] < end:
        beat, tempo = _next_beat(beats[-1], metres[current], clock, tempo)
        if current == 0 and beats[-1] < starts[0] and _reaches(beat, starts[0]):
            beat = starts[0]
        if current + 1 < len(starts) and _reaches(beat, starts[current + 1]):
            current += 1
            beat = starts[current]
        beats.append(beat)
    return np.array(beats[:-1] if len(beats) > 1 else beats)


def _next_beat(beat: float, metre: Metre, clock: Clock, tempo: int) -> tuple[float, int]:
    """One beat later and the number of the tempo there; a beat may stretch over tempo changes."""
    length = metre.seconds_per_beat(float(clock.tempi[tempo]))
    following = beat + length
    if tempo + 1 == len(clock.times) or following <= clock.times[tempo + 1]:
        return following, tempo
    following, remaining = beat, 1.0
    while tempo + 1 < len(clock.times) and following + remaining * length >= clock.times[tempo + 1]:
        passed = (float(clock.times[tempo + 1]) - following) / length
        following += passed * length
        remaining -= passed
        tempo += 1
        length = metre.seconds_per_beat(float(clock.tempi[tempo]))
    return following + remaining * length, tempo


def _downbeats(metres: Sequence[Metre], starts: Sequence[float], beats: NDArray[np.float64]) -> NDArray[np.float64]:
    """Every first beat of a bar in seconds, counted anew from the start of each metre."""
    if starts[0] > 0:
        metres, starts = (COMMON_TIME, *metres), (0.0, *starts)
    first = [0]
    for start in starts[1:]:
        at_start = np.flatnonzero(np.isclose(beats, start))
        first.append(int(at_start[0]) if len(at_start) else first[-1])
    spans = zip(metres, first, [*first[1:], len(beats)], strict=True)
    return np.concatenate([beats[start : stop : metre.beats_per_bar] for metre, start, stop in spans])


def _reaches(beat: float, start: float) -> bool:
    return beat > start or bool(np.isclose(beat, start))
