"""A MIDI file's events, track by track, as they are written: nothing is paired, sorted or left out.

Goal: what every reading of a file begins with. Source: Standard MIDI Files 1.0.

Conventions: times are ticks from the start. A note-on of velocity 0 is a note-off.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from earwitness.errors import AudioError

NOTE_OFF, NOTE_ON, CONTROL, PROGRAM, BEND = 0x80, 0x90, 0xB0, 0xC0, 0xE0
LYRIC, TEMPO, METRE, KEY = 0x05, 0x51, 0x58, 0x59
_META, _SYSEX = 0xFF, (0xF0, 0xF7)
_ONE_DATA_BYTE = (0xC0, 0xD0)


class Voice(NamedTuple):
    """A channel's event: ``kind`` is one of the constants, ``first`` and ``second`` its data bytes."""

    tick: int
    kind: int
    channel: int
    first: int
    second: int


class Meta(NamedTuple):
    """A meta event with its content."""

    tick: int
    kind: int
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """A file's resolution in ticks per quarter and its tracks' events, each in the order of the file."""

    resolution: int
    tracks: tuple[tuple[Voice | Meta, ...], ...]

    @classmethod
    def read(cls, data: bytes) -> "Events":
        """Read a file's bytes; raises ``AudioError`` where a track breaks off."""
        tracks, at = [], 8 + int.from_bytes(data[4:8], "big")
        while at + 8 <= len(data):
            end = at + 8 + int.from_bytes(data[at + 4 : at + 8], "big")
            if data[at : at + 4] == b"MTrk":
                try:
                    tracks.append(tuple(_track(data[at + 8 : end])))
                except IndexError:
                    raise AudioError("A track of the file breaks off; replace the file or leave it out.") from None
            at = end
        return cls(resolution=int.from_bytes(data[12:14], "big"), tracks=tuple(tracks))


def _track(data: bytes) -> Iterator[Voice | Meta]:
    tick, at, running = 0, 0, 0
    while at < len(data):
        wait, at = _number(data, at)
        tick += wait
        status = data[at] if data[at] & 0x80 else running
        at += data[at] >> 7
        if status == _META or status in _SYSEX:
            kind = data[at] if status == _META else -1
            length, at = _number(data, at + (status == _META))
            if status == _META:
                yield Meta(tick, kind, data[at : at + length])
            at += length
            continue
        if not status & 0x80:
            raise AudioError("The file has data where an event is due; it is damaged, replace it or leave it out.")
        running, kind = status, status & 0xF0
        first, second = data[at], 0 if kind in _ONE_DATA_BYTE else data[at + 1]
        at += 1 if kind in _ONE_DATA_BYTE else 2
        yield Voice(tick, NOTE_OFF if kind == NOTE_ON and not second else kind, status & 0x0F, first, second)


def _number(data: bytes, at: int) -> tuple[int, int]:
    """A number of seven bits per byte, and where it ends."""
    value = 0
    while True:
        value = value << 7 | data[at] & 0x7F
        at += 1
        if not data[at - 1] & 0x80:
            return value, at
