"""A MIDI file in milliseconds, as Aria's preparation reads it.

Goal: the very notes, in the very order. A note-off ends every open note of its pitch and channel in its track;
a channel sounds as the last program that any track sets it to; the pedal lengthens what ends while it is down; a
channel that is ever set to an instrument without tokens is left out.

Conventions: the score has 1000 ticks per second, counted from the first note (see ``scores.streams`` for the order). A
channel that is given a program and plays nothing is a track without notes, since it is announced in the prefix.
Source: ``ariautils.midi`` and ``AbsTokenizer`` of EleutherAI/aria-utils (at e122d03).
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from earwitness.errors import AudioError
from earwitness.targets.aria.vocabulary import has_tokens
from earwitness.targets.scores.events import CONTROL, NOTE_OFF, NOTE_ON, PROGRAM, TEMPO, Events, Meta, Voice
from earwitness.targets.scores.pairing import Struck, ended
from earwitness.targets.scores.streams import DRUMS, Played, score_of

if TYPE_CHECKING:
    from symusic import Score

PER_SECOND = 1000
_DRUM_CHANNEL, _PEDAL, _DOWN, _FIRST_TEMPO = 9, 64, 64, 500_000


class _Sounded(NamedTuple):
    """A note in the file's ticks."""

    start: int
    end: int
    channel: int
    pitch: int
    velocity: int


def read_in_milliseconds(data: bytes) -> "Score":
    """The score in a file's bytes; raises ``AudioError`` where no instrument in it has tokens."""
    import symusic

    events = Events.read(data)
    programs = _programs(events)
    left_out = {channel for channel, program in programs if not has_tokens(program)} - {_DRUM_CHANNEL}
    notes = sorted((note for note in _notes(events) if note.channel not in left_out), key=lambda note: note.start)
    if not notes:
        raise AudioError("The piece has no note of an instrument that Aria has tokens for; the model knows none such.")
    program_of = dict.fromkeys((note.channel for note in notes), 0)
    program_of |= {channel: program for channel, program in programs if channel not in left_out}
    program_of.pop(_DRUM_CHANNEL, None)
    tempi = _tempi(events)
    pedals = _pedals(events, last=notes[-1].end)

    def played(note: _Sounded) -> Played:
        start = _milliseconds(notes[0].start, note.start, tempi, events.resolution)
        end = _held(note.end, pedals[note.channel])
        length = _milliseconds(note.start, end, tempi, events.resolution)
        return Played(start, length, program_of.get(note.channel, DRUMS), note.pitch, note.velocity)

    score = score_of(map(played, notes), per_second=PER_SECOND)
    silent = sorted({*program_of.values()} - {track.program for track in score.tracks if not track.is_drum})
    score.tracks.extend([symusic.Track("silent", program, False) for program in silent])
    return score


def _notes(events: Events) -> Iterable[_Sounded]:
    for track in events.tracks:
        open_notes: dict[tuple[int, int], list[Struck]] = {}
        for event in track:
            if not isinstance(event, Voice):
                continue
            key = event.first, event.channel
            if event.kind == NOTE_ON:
                open_notes.setdefault(key, []).append((event.tick, event.second))
            elif event.kind == NOTE_OFF:
                for start, velocity in ended(open_notes, key, event.tick):
                    yield _Sounded(start, event.tick, event.channel, event.first, velocity)


def _programs(events: Events) -> list[tuple[int, int]]:
    """Channel and program of each change, in order of time; a file without any is one of a piano."""
    changes = [event for event in _voices(events) if event.kind == PROGRAM]
    return [(event.channel, event.first) for event in changes] or [(0, 0)]


def _tempi(events: Events) -> list[tuple[int, int]]:
    """Ticks of the changes of tempo, with the microseconds of a quarter from there on."""
    changes = [
        (event.tick, int.from_bytes(event.content[:3], "big"))
        for track in events.tracks
        for event in track
        if isinstance(event, Meta) and event.kind == TEMPO
    ]
    return sorted(changes, key=lambda change: change[0]) or [(0, _FIRST_TEMPO)]


def _pedals(events: Events, *, last: int) -> dict[int, list[tuple[int, int]]]:
    """When each channel's pedal is down; one that stays down is lifted where the last note that begins ends."""
    found: dict[int, list[tuple[int, int]]] = defaultdict(list)
    down: dict[int, int] = {}
    for event in _voices(events):
        if event.kind != CONTROL or event.first != _PEDAL:
            continue
        if event.second >= _DOWN:
            down.setdefault(event.channel, event.tick)
        elif event.channel in down:
            found[event.channel].append((down.pop(event.channel), event.tick))
    for channel, start in down.items():
        found[channel].append((start, last))
    return found


def _held(end: int, pedals: Sequence[tuple[int, int]]) -> int:
    """Where a note ends under the pedals of its channel."""
    before = bisect_left(pedals, (end,)) - 1
    return max(end, pedals[before][1]) if before >= 0 else end


def _voices(events: Events) -> list[Voice]:
    found = [event for track in events.tracks for event in track if isinstance(event, Voice)]
    return sorted(found, key=lambda event: event.tick)


def _milliseconds(start: int, end: int, tempi: Sequence[tuple[int, int]], resolution: int) -> int:
    """Milliseconds between ticks, as the published program counts them.

    What begins after the last of several changes is counted from there, with the tempo before it for the way back:
    wrong unless the two are alike, but it is what the models were trained on.
    """
    following = next((i for i, (tick, _) in enumerate(tempi) if start <= tick), len(tempi) - 1)
    seconds, at = 0.0, start
    for (_, tempo), (until, _) in pairwise(tempi[max(following - 1, 0) :]):
        seconds += (min(end, until) - at) * (tempo * 1e-6 / resolution)
        if end < until:
            break
        at = until
    last, tempo = tempi[-1]
    if end > last:
        seconds += (end - at) * (tempo * 1e-6 / resolution)
    return round(seconds * 1e3)
