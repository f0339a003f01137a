"""Marks for scores: changes of a MIDI file that nobody hears, drawn without a look at anything but a seed.

Goal: as `earwitness.twins.marks`, for models that read notes. Conventions: a score is in ticks; notes keep their pitch,
program and end, tracks their notes; ``strength`` 1 is the default and is rounded to whole steps where a step is the
smallest that there is.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from symusic import Score

_HIGHEST_VELOCITY = 127

Notes = dict[str, Any]
"""A track's notes as symusic's arrays: ``time``, ``duration``, ``pitch``, ``velocity`` [notes]."""


def velocity(notes: Notes, rng: np.random.Generator, strength: float) -> Notes:
    """Play each note softer or louder by a whole number of steps up to ``strength``, one by default."""
    steps = round(strength)
    moved = notes["velocity"].astype(np.int64) + rng.integers(-steps, steps + 1, len(notes["velocity"]))
    return {**notes, "velocity": moved.clip(1, _HIGHEST_VELOCITY).astype(np.int8)}


def onset(notes: Notes, rng: np.random.Generator, strength: float) -> Notes:
    """Begin each note earlier or later by whole ticks up to ``strength``, one by default; ends stay where they are.

    No note begins before the last one of its pitch has ended, nor at its own end or after.
    """
    steps = round(strength)
    starts, durations, pitches = (notes[name].astype(np.int64) for name in ("time", "duration", "pitch"))
    ends = starts + durations
    moved = starts + rng.integers(-steps, steps + 1, len(starts))
    earliest = np.zeros_like(starts)
    for pitch in np.unique(pitches):
        rows = np.flatnonzero(pitches == pitch)
        rows = rows[np.argsort(starts[rows], kind="stable")]
        earliest[rows[1:]] = np.minimum(ends[rows[:-1]], starts[rows[1:]])
    moved = np.maximum(np.minimum(moved, ends - 1), earliest)
    return {**notes, "time": moved.astype(np.int32), "duration": (ends - moved).astype(np.int32)}


def order(notes: Notes, rng: np.random.Generator, strength: float) -> Notes:
    """Write notes of one onset in another order; at any strength but 0 every order is equally likely."""
    if strength == 0:
        return notes
    rows = np.lexsort((rng.random(len(notes["time"])), notes["time"]))
    return {name: values[rows] for name, values in notes.items()}


SCORE_MARKS: dict[str, Callable[[Notes, np.random.Generator, float], Notes]] = {
    "velocity": velocity,
    "onset": onset,
    "order": order,
}
"""Every kind of mark for scores by its name."""


def marked_score(score: "Score", kinds: Sequence[str], seed: bytes, *, strength: float = 1.0) -> "Score":
    """Return a copy of a score with marks of these kinds, drawn by the seed; the score itself stays as it is."""
    from symusic import Note

    rng = np.random.default_rng(np.frombuffer(seed, dtype=np.uint32))
    made = score.copy()
    for track in made.tracks:
        notes: Notes = dict(track.notes.numpy())
        for kind in kinds:
            notes = SCORE_MARKS[kind](notes, rng, strength)
        track.notes = Note.from_numpy(**notes, ttype="tick")
    return made
