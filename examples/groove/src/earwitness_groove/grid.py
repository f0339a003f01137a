"""A drum score on a grid: hits, velocities and offsets of nine voices, sixteen steps per bar.

Goal: the windows that the published models were trained on. They come from the Groove MIDI Dataset's two-bar
version: two bars of 4/4 from every bar on, so neighbours overlap by a bar. A window holds the notes that begin
inside it, each at the nearest step, with how far off it is in steps (−½ to ½, three digits); of two notes of one
voice at one step the earlier counts; notes nearest to the step after the last are dropped.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from earwitness.errors import AudioError

if TYPE_CHECKING:
    from symusic import Score

STEPS_PER_QUARTER = 4
BAR, WINDOW = 16, 32
VOICES = (
    ("kick", (36,)), ("snare", (38, 37, 40)), ("closed hi-hat", (42, 22, 44)), ("open hi-hat", (46, 26)),
    ("low tom", (43, 58)), ("mid tom", (47, 45)), ("high tom", (50, 48)), ("crash", (49, 52, 55, 57)),
    ("ride", (51, 53, 59)),
)  # fmt: skip
_VOICE_OF = {pitch: voice for voice, (_, pitches) in enumerate(VOICES) for pitch in pitches}


@dataclass(frozen=True, slots=True, eq=False)
class Groove:
    """A window that begins at a step: each [32, 9]; where ``hits`` is 0 the others are 0 too."""

    start: int
    hits: NDArray[np.float32]
    velocities: NDArray[np.float32]
    offsets: NDArray[np.float32]

    @property
    def density(self) -> float:
        """The share of places with a hit."""
        return float(self.hits.mean())

    def tapped(self) -> NDArray[np.float32]:
        """The window as one voice [32, 3]: whether anything is hit, and the loudest hit's velocity and offset."""
        loudest = self.velocities.argmax(axis=1)[:, None]
        velocity = np.take_along_axis(self.velocities, loudest, axis=1)[:, 0]
        offset = np.take_along_axis(self.offsets, loudest, axis=1)[:, 0]
        return np.stack([self.hits.any(axis=1), velocity, offset], axis=1).astype(np.float32)


def windows(score: "Score") -> list[Groove]:
    """The windows of a score in ticks that hold any hit; a shorter piece is filled up with silence.

    Raises
    ------
    AudioError
        Where the piece is not in 4/4 throughout, or plays nothing that the nine voices have.
    """
    if any((s.numerator, s.denominator) != (4, 4) for s in score.time_signatures):
        raise AudioError("The piece is not in 4/4 throughout, and the models know nothing else; leave it out.")
    notes = np.array(sorted(_notes(score)), dtype=np.float64).reshape(-1, 3)
    if not len(notes):
        raise AudioError("The piece has no drum notes that the models know; leave it out.")
    step = score.ticks_per_quarter / STEPS_PER_QUARTER
    bars = int(notes[-1, 0] // (step * BAR)) + 1
    found = (_window(notes, first * BAR, step) for first in range(max(1, bars - 1)))
    return [groove for groove in found if groove.hits.any()]


def _notes(score: "Score") -> Iterator[tuple[int, int, int]]:
    for track in score.tracks:
        for note in track.notes:
            if note.pitch in _VOICE_OF:
                yield note.start, _VOICE_OF[note.pitch], note.velocity


def _window(notes: NDArray[np.float64], first: int, step: float) -> Groove:
    """The window from a step on, of notes (tick, voice, velocity) in order of time."""
    places = notes[:, 0] / step - first
    steps = np.ceil(places - 0.5).astype(int)
    # The latest first: of several notes at one place, numpy keeps the last one that it is given.
    chosen = np.flatnonzero((places >= 0) & (steps < WINDOW))[::-1]
    at = steps[chosen], notes[chosen, 1].astype(int)
    empty = np.zeros((WINDOW, len(VOICES)), dtype=np.float32)
    groove = Groove(first, empty, empty.copy(), empty.copy())
    groove.hits[at], groove.velocities[at] = 1, notes[chosen, 2] / 127
    groove.offsets[at] = (places[chosen] - steps[chosen]).round(3)
    return groove
