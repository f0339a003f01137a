"""A score in hundredths of a second, as the Anticipatory Music Transformer's preparation reads a file.

Goal: the very notes, in the very order. All tracks are one stream in order of time; a program counts for its
channel in all of them; a note-off ends the oldest open note of its program, pitch and channel; a note that nothing
ends lasts a quarter of a second. Start and duration are rounded each by itself.

Conventions: the score that comes back has 100 ticks per second (50 per quarter, 120 quarters per minute), its notes in
the order of the stream (see ``streams``). Source: Thickstun et al., arXiv 2306.08620.
"""

from collections import defaultdict
from operator import attrgetter
from typing import TYPE_CHECKING

from earwitness.errors import AudioError
from earwitness.targets.scores.events import NOTE_OFF, NOTE_ON, PROGRAM, TEMPO, Events, Meta, Voice
from earwitness.targets.scores.streams import DRUMS, Played, score_of

if TYPE_CHECKING:
    from symusic import Score

PER_SECOND = 100
_DRUM_CHANNEL, _UNENDED = 9, PER_SECOND // 4
_FIRST_TEMPO = 500_000
_LEAST_NOTES, _LEAST_SECONDS, _MOST_SECONDS, _MOST_INSTRUMENTS = 100, 10, 3600, 16


def read_in_hundredths(data: bytes) -> "Score":
    """The score in a file's bytes.

    Raises
    ------
    AudioError
        Where the preparation left the file out: fewer than 100 notes, less than 10 seconds or more than an hour to the
        last note's start, more than 16 instruments. No model was trained on such a piece.
    """
    notes = _notes(Events.read(data))
    starts, instruments = [note[0] for note in notes], {note[2] for note in notes}
    last = max(starts, default=0) / PER_SECOND
    if len(notes) < _LEAST_NOTES or not _LEAST_SECONDS <= last <= _MOST_SECONDS or len(instruments) > _MOST_INSTRUMENTS:
        raise AudioError(
            f"The piece has {len(notes)} notes of {len(instruments)} instruments over {last:.0f} seconds; the model's "
            f"preparation leaves out what has fewer than {_LEAST_NOTES} notes, more than {_MOST_INSTRUMENTS} "
            f"instruments, or is not {_LEAST_SECONDS} to {_MOST_SECONDS} seconds long: the model was trained on none."
        )
    return score_of((Played(*note) for note in notes), per_second=PER_SECOND)


def _notes(events: Events) -> list[tuple[int, int, int, int, int]]:
    """Start, duration, instrument, pitch and velocity of each note, in the order of the stream."""
    stream = sorted((event for track in events.tracks for event in track), key=attrgetter("tick"))
    notes: list[tuple[int, int, int, int, int]] = []
    open_notes: dict[tuple[int, int, int], list[tuple[int, float]]] = defaultdict(list)
    programs: dict[int, int] = defaultdict(int)
    seconds, tick, per_tick = 0.0, 0, _FIRST_TEMPO * 1e-6 / events.resolution
    for event in stream:
        seconds += (event.tick - tick) * per_tick
        tick = event.tick
        if isinstance(event, Meta):
            if event.kind == TEMPO:
                per_tick = int.from_bytes(event.content[:3], "big") * 1e-6 / events.resolution
        elif event.kind == PROGRAM:
            programs[event.channel] = event.first
        elif event.kind in (NOTE_ON, NOTE_OFF):
            _play(event, seconds, programs, open_notes, notes)
    return notes


def _play(
    event: Voice,
    seconds: float,
    programs: dict[int, int],
    open_notes: dict[tuple[int, int, int], list[tuple[int, float]]],
    notes: list[tuple[int, int, int, int, int]],
) -> None:
    instrument = DRUMS if event.channel == _DRUM_CHANNEL else programs[event.channel]
    still_open = open_notes[instrument, event.first, event.channel]
    if event.kind == NOTE_ON:
        still_open.append((len(notes), seconds))
        notes.append((round(PER_SECOND * seconds), _UNENDED, instrument, event.first, event.second))
    elif still_open:
        number, began = still_open.pop(0)
        start, _, _, pitch, velocity = notes[number]
        notes[number] = (start, round(PER_SECOND * (seconds - began)), instrument, pitch, velocity)
