"""A score with the notes that pretty_midi finds in a file (and miditoolkit, which follows it).

Goal: models whose preparation used them are asked about the notes they were trained on. A note-off
ends every open note of its pitch and channel that began before it; notes of no length and notes that
nothing ends are dropped; tempi, time and key signatures count in the first track only. A part is what
one track, channel and program play; pedals and bends before its first note are its own.

Source: pretty_midi 0.2.10; its reading is what the tests compare with.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from earwitness.targets.scores.events import (
    BEND,
    CONTROL,
    KEY,
    LYRIC,
    METRE,
    NOTE_OFF,
    NOTE_ON,
    PROGRAM,
    TEMPO,
    Events,
    Meta,
    Voice,
)
from earwitness.targets.scores.pairing import Struck, ended

if TYPE_CHECKING:
    from symusic import ControlChange, Note, PitchBend, Score

_DRUM_CHANNEL = 9
_NO_BEND = 8192


@dataclass(slots=True)
class _Part:
    """What a part plays; parts of one channel may share their controls and bends."""

    notes: "list[Note]" = field(default_factory=list)
    controls: "list[ControlChange]" = field(default_factory=list)
    bends: "list[PitchBend]" = field(default_factory=list)


def read_as_pretty_midi(data: bytes) -> "Score":
    """The score in a MIDI file's bytes; times are ticks."""
    import symusic

    events = Events.read(data)
    score = symusic.Score(events.resolution)
    for event in events.tracks[0] if events.tracks else ():
        if isinstance(event, Meta):
            _add_signature(score, event)
    for number, track in enumerate(events.tracks):
        for (program, channel), part in _parts(track).items():
            played = symusic.Track(f"{number}", program, channel == _DRUM_CHANNEL)
            played.notes.extend(part.notes)
            played.controls.extend(part.controls)
            played.pitch_bends.extend(part.bends)
            score.tracks.append(played)
    lyrics = [
        event.tick for track in events.tracks for event in track if isinstance(event, Meta) and event.kind == LYRIC
    ]
    if lyrics:
        words = symusic.Track("lyrics")
        words.lyrics.extend([symusic.TextMeta(tick, "") for tick in lyrics])
        score.tracks.append(words)
    return score


def _add_signature(score: "Score", event: Meta) -> None:
    import symusic

    content = event.content
    if event.kind == TEMPO and int.from_bytes(content[:3], "big"):
        score.tempos.append(symusic.Tempo(event.tick, mspq=int.from_bytes(content[:3], "big")))
    elif event.kind == METRE and len(content) >= 2 and content[0]:
        score.time_signatures.append(symusic.TimeSignature(event.tick, content[0], 1 << content[1]))
    elif event.kind == KEY and len(content) >= 2:
        sharps = content[0] - 256 if content[0] > 127 else content[0]
        score.key_signatures.append(symusic.KeySignature(event.tick, sharps, content[1]))


def _parts(track: tuple[Voice | Meta, ...]) -> dict[tuple[int, int], _Part]:
    """A track's parts by program and channel, in the order in which their first notes end."""
    import symusic

    parts: dict[tuple[int, int], _Part] = {}
    before: dict[int, _Part] = defaultdict(_Part)
    programs: dict[int, int] = defaultdict(int)
    open_notes: dict[tuple[int, int], list[Struck]] = {}

    for event in track:
        if not isinstance(event, Voice):
            continue
        channel = event.channel
        if event.kind == PROGRAM:
            programs[channel] = event.first
        elif event.kind == NOTE_ON:
            open_notes.setdefault((channel, event.first), []).append((event.tick, event.second))
        elif event.kind == NOTE_OFF:
            notes = ended(open_notes, (channel, event.first), event.tick)
            if notes:
                shared = before.get(channel, _Part())
                fresh = _Part(controls=shared.controls, bends=shared.bends)
                part = parts.setdefault((programs[channel], channel), fresh)
                part.notes += [symusic.Note(start, event.tick - start, event.first, speed) for start, speed in notes]
        elif event.kind in (CONTROL, BEND):
            part = parts.get((programs[channel], channel)) or before[channel]
            if event.kind == CONTROL:
                part.controls.append(symusic.ControlChange(event.tick, event.first, event.second))
            else:
                part.bends.append(symusic.PitchBend(event.tick, (event.second << 7 | event.first) - _NO_BEND))
    return parts
