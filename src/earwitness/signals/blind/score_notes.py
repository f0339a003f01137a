"""Note features of a score: pitch, melody, polyphony, durations, onset grid and dynamics.

Goal: what the notes alone say about style, key, arrangement and whether a hand played them.

Conventions: times are in quarters (ticks over ticks per quarter), pitches in semitones
(middle C is 60). Drum notes count as notes, onsets, durations and velocities, but not where
pitch matters, because a drum's "pitch" names an instrument. An onset is a tick at which any
note begins: a chord is one. A track's melody is the highest note of each of its onsets.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from earwitness.signals.blind.frames import mean, sd

if TYPE_CHECKING:
    from symusic import Score

Ints = NDArray[np.int64]

WIDEST_STEP = 2  # semitones; a wider interval is a leap

UNITS = {
    "notes": "notes",
    "notes_per_quarter": "1/quarter",
    "length_quarters": "quarters",
    "pitch_mean": "semitones",
    "pitch_sd": "semitones",
    "pitch_lowest": "semitones",
    "pitch_highest": "semitones",
    "pitch_range": "semitones",
    "pitch_class_entropy": "bits",
    **{f"pitch_class_share/c={c}": "share" for c in range(12)},
    "melodic_interval_mean": "semitones",
    "melodic_step_share": "share",
    "melodic_repeat_share": "share",
    "polyphony_mean": "notes",
    "polyphony_max": "notes",
    "duration_mean": "quarters",
    "duration_sd": "quarters",
    "durations_distinct": "durations",
    "onset_on_quarter_share": "share",
    "onset_on_eighth_share": "share",
    "onset_off_sixteenth_share": "share",
    "velocity_mean": "MIDI velocity",
    "velocity_sd": "MIDI velocity",
    "velocities_distinct": "velocities",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Notes:
    """The notes of all tracks, one after another.

    Attributes
    ----------
    onset, duration
        [notes], ticks.
    pitch, velocity
        [notes], 0…127.
    track
        [notes], the number of the note's track in the score.
    is_drum
        [notes].
    ticks_per_quarter
        0 where the file states none that can be used.
    """

    onset: Ints
    duration: Ints
    pitch: Ints
    velocity: Ints
    track: Ints
    is_drum: NDArray[np.bool_]
    ticks_per_quarter: int

    @classmethod
    def of(cls, score: "Score") -> "Notes":
        """Gather a score's notes; its times must be ticks."""
        columns = [track.notes.numpy() for track in score.tracks]
        counts = [len(column["pitch"]) for column in columns]

        def gather(name: str) -> Ints:
            return np.concatenate([np.empty(0, dtype=np.int64), *(column[name] for column in columns)]).astype(np.int64)

        return cls(
            onset=gather("time"),
            duration=gather("duration"),
            pitch=gather("pitch"),
            velocity=gather("velocity"),
            track=np.repeat(np.arange(len(counts)), counts),
            is_drum=np.repeat(np.array([track.is_drum for track in score.tracks], dtype=np.bool_), counts),
            ticks_per_quarter=max(0, int(score.ticks_per_quarter)),
        )

    @property
    def count(self) -> int:
        """Notes in all tracks."""
        return len(self.pitch)

    @property
    def end(self) -> int:
        """Tick at which the last note ends, counted from the start of the file; 0 without notes."""
        return int((self.onset + self.duration).max(initial=0))

    def pitched(self) -> "Notes":
        """The notes that are not drums."""
        kept = ~self.is_drum
        return Notes(
            onset=self.onset[kept],
            duration=self.duration[kept],
            pitch=self.pitch[kept],
            velocity=self.velocity[kept],
            track=self.track[kept],
            is_drum=self.is_drum[kept],
            ticks_per_quarter=self.ticks_per_quarter,
        )


def measure(notes: Notes) -> dict[str, float]:
    """The features of ``UNITS`` that are defined.

    ``length_quarters`` runs from the start of the file to the end of its last note. ``pitch_class_entropy``
    (−Σ p·log₂ p over the twelve shares of notes) stays under transposition, the shares move. The melodic
    features pool the intervals of all tracks: the mean of their absolute size, the share of 1–2 semitones and
    of 0. ``polyphony_mean`` is the number of notes sounding, over the time in which one does. The onset grid
    is met within half a tick, and its shares are nested: what is on a quarter is on an eighth.
    """
    if not notes.count:
        return {"notes": 0.0}
    pitched = notes.pitched()
    return {
        "notes": float(notes.count),
        **_dynamics(notes),
        **_time(notes),
        **_pitch(pitched),
        **_melody(pitched),
        **_polyphony(pitched),
    }


def _dynamics(notes: Notes) -> dict[str, float]:
    velocity = notes.velocity.astype(np.float64)
    return {
        "velocity_mean": mean(velocity),
        "velocity_sd": sd(velocity),
        "velocities_distinct": float(np.unique(velocity).size),
    }


def _time(notes: Notes) -> dict[str, float]:
    if not notes.ticks_per_quarter:
        return {}
    duration = notes.duration / notes.ticks_per_quarter
    length = notes.end / notes.ticks_per_quarter
    onsets = np.unique(notes.onset)
    return {
        "length_quarters": length,
        "notes_per_quarter": notes.count / length if length else np.nan,
        "duration_mean": mean(duration),
        "duration_sd": sd(duration),
        "durations_distinct": float(np.unique(duration).size),
        "onset_on_quarter_share": _on_grid(onsets, notes.ticks_per_quarter, 1),
        "onset_on_eighth_share": _on_grid(onsets, notes.ticks_per_quarter, 2),
        "onset_off_sixteenth_share": 1 - _on_grid(onsets, notes.ticks_per_quarter, 4),
    }


def _on_grid(onsets: Ints, ticks_per_quarter: int, steps: int) -> float:
    """Share of onsets within half a tick of a multiple of 1/``steps`` quarter, in whole numbers throughout."""
    past = onsets * steps % ticks_per_quarter  # in ticks / steps
    return float(np.mean(2 * np.minimum(past, ticks_per_quarter - past) <= steps))


def _pitch(pitched: Notes) -> dict[str, float]:
    if not pitched.count:
        return {}
    pitch = pitched.pitch.astype(np.float64)
    shares = np.bincount(pitched.pitch % 12, minlength=12) / pitched.count
    met = shares[shares > 0]
    return {
        "pitch_mean": mean(pitch),
        "pitch_sd": sd(pitch),
        "pitch_lowest": float(pitch.min()),
        "pitch_highest": float(pitch.max()),
        "pitch_range": float(np.ptp(pitch)),
        "pitch_class_entropy": max(0.0, float(-met @ np.log2(met))),
        **{f"pitch_class_share/c={c}": float(share) for c, share in enumerate(shares)},
    }


def _melody(pitched: Notes) -> dict[str, float]:
    order = np.lexsort((pitched.pitch, pitched.onset, pitched.track))
    pitch, onset, track = pitched.pitch[order], pitched.onset[order], pitched.track[order]
    last = np.flatnonzero((np.diff(onset, append=-1) != 0) | (np.diff(track, append=-1) != 0))
    size = np.abs(np.diff(pitch[last]))[np.diff(track[last]) == 0].astype(np.float64)
    return {
        "melodic_interval_mean": mean(size),
        "melodic_step_share": mean(((size > 0) & (size <= WIDEST_STEP)).astype(np.float64)),
        "melodic_repeat_share": mean((size == 0).astype(np.float64)),
    }


def _polyphony(pitched: Notes) -> dict[str, float]:
    edges, edge = np.unique(np.concatenate([pitched.onset, pitched.onset + pitched.duration]), return_inverse=True)
    step = np.repeat([1, -1], pitched.count)
    sounding = np.cumsum(np.bincount(edge, weights=step, minlength=len(edges)))[:-1]
    span = np.diff(edges)
    time = span[sounding > 0].sum()
    if not time:
        return {}
    return {"polyphony_mean": float(sounding @ span / time), "polyphony_max": float(sounding.max())}
