"""A stream of notes as a score that keeps their order.

Goal: models that read a file as one stream of notes are asked through scores, which hold notes track by track.

Conventions: notes that begin together stand in the order of the stream if the score is read track by track: an
instrument begins another track where it comes before the one that sounded last.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from symusic import Score

DRUMS = 128
"""Stands for percussion where programs are 0 to 127."""


class Played(NamedTuple):
    """A note; ``start`` and ``duration`` in the score's ticks, ``instrument`` a program or ``DRUMS``."""

    start: int
    duration: int
    instrument: int
    pitch: int
    velocity: int


def score_of(notes: Iterable[Played], *, per_second: int) -> "Score":
    """The score of notes in the order of their starts, with so many ticks per second."""
    import symusic

    score = symusic.Score(per_second // 2)
    score.tempos.append(symusic.Tempo(0, 120))
    track_of: dict[int, int] = {}
    last = (-1, -1)
    for start, duration, instrument, pitch, velocity in notes:
        number = track_of.get(instrument, -1)
        if number < 0 or (start == last[0] and number < last[1]):
            number = track_of[instrument] = len(score.tracks)
            is_drum = instrument == DRUMS
            score.tracks.append(symusic.Track(f"{number}", 0 if is_drum else instrument, is_drum))
        score.tracks[number].notes.append(symusic.Note(start, duration, pitch, velocity))
        last = (start, number)
    return score
