"""MIDI: the one place that decodes scores; the symbolic twin of ``audio``.

Goal: a file becomes a score in one way only; a file that cannot be used says why in one line.

Conventions: times are ticks. A score is known by its music, not by its file: notes with their
programs, tempi and time signatures, whatever the resolution, the file type, and how the notes
are spread over tracks and channels.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from earwitness.errors import AudioError
from earwitness.text import printable

if TYPE_CHECKING:
    from symusic import Score

SUFFIXES = (".mid", ".midi")
LARGEST_BYTES = 32 << 20
SHORTEST_SECONDS = 0.01
LONGEST_SECONDS = 2 * 3600
LONGEST_QUARTERS = 100_000
_DRUMS = -1
_DIVISION = 12
"""Where the header says how time is counted: in parts of a quarter, or, with the first bit set, in SMPTE frames."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Midi:
    """A decoded score; it has what the tracks table asks of any track.

    Attributes
    ----------
    score
        Times in ticks.
    data
        The file's bytes, for targets that read notes another way.
    seconds
        From the start to the end of the last note.
    sample_rate, channels, codec, bits_per_sample, peak_dbfs, rms_dbfs, remarks
        0, 0, ``midi``, ``None`` and nothing: what stands for audio's properties.
    """

    score: "Score"
    data: bytes
    seconds: float
    sample_rate: ClassVar[int] = 0
    channels: ClassVar[int] = 0
    codec: ClassVar[str] = "midi"
    bits_per_sample: ClassVar[int | None] = None
    peak_dbfs: ClassVar[float | None] = None
    rms_dbfs: ClassVar[float | None] = None
    remarks: ClassVar[tuple[str, ...]] = ()

    @property
    def decoder(self) -> str:
        """The library that read it, with its version."""
        return f"symusic {version('symusic')}"

    @property
    def notes(self) -> int:
        """How many notes it has."""
        return int(self.score.note_num())

    @property
    def tracks(self) -> int:
        """How many tracks have notes."""
        return sum(1 for track in self.score.tracks if len(track.notes))

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 (hex) of the music: the same in every file that holds the same notes, tempi and signatures."""
        return content_sha256(self.score)


def decode(path: Path) -> Midi:
    """Decode a MIDI file.

    Raises
    ------
    AudioError
        One line that names the file: where it is absent, empty, unreadable, no MIDI file, damaged, without
        notes, or absurdly large or long.
    """
    from symusic import Score

    name, data = printable(path.name), _read(path)
    if not data.startswith(b"MThd"):
        raise AudioError(f"{name} does not begin as a MIDI file does; replace it or leave it out.")
    _check_complete(name, data)
    if len(data) > _DIVISION and data[_DIVISION] & 0x80:
        raise AudioError(
            f"{name} counts time in SMPTE frames, which is not supported; export it with beats, or leave it out."
        )
    try:
        score = Score.from_midi(data)
    except (RuntimeError, ValueError) as error:
        raise AudioError(
            f"{name} cannot be decoded ({_reason(error)}): it is damaged; replace it or leave it out."
        ) from None
    if not score.note_num():
        raise AudioError(f"{name} holds no notes; leave it out.")
    _check_length(name, score)
    seconds = max(float(track.end()) for track in score.to("second").tracks if len(track.notes))
    return Midi(score=score, data=data, seconds=seconds)


def content_sha256(score: "Score") -> str:
    """SHA-256 (hex) of a score's music.

    Text, one event a line: ``note start end pitch velocity program`` in sorted order (program −1 for percussion),
    then ``tempo time microseconds`` and ``metre time numerator denominator`` where they change, with times in
    the coarsest unit in which all of them and the quarter are whole; that unit stands first.
    """
    notes = sorted(
        (note.start, note.end, note.pitch, note.velocity, _DRUMS if track.is_drum else track.program)
        for track in score.tracks
        for note in track.notes
    )
    tempi = _changes((tempo.time, tempo.mspq) for tempo in score.tempos)
    metres = _changes((metre.time, metre.numerator, metre.denominator) for metre in score.time_signatures)
    times = [time for note in notes for time in note[:2]] + [event[0] for event in (*tempi, *metres)]
    unit = int(np.gcd.reduce([score.ticks_per_quarter, *times]))
    digest = hashlib.sha256(f"quarter {score.ticks_per_quarter // unit}\n".encode())
    for start, end, *what in notes:
        digest.update(f"note {start // unit} {end // unit} {' '.join(map(str, what))}\n".encode())
    for kind, events in (("tempo", tempi), ("metre", metres)):
        for time, *what in events:
            digest.update(f"{kind} {time // unit} {' '.join(map(str, what))}\n".encode())
    return digest.hexdigest()


def _changes(events: Iterable[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Events in order of time, without those that repeat what holds already."""
    return [next(same) for _, same in groupby(sorted(events), key=lambda event: event[1:])]


def _read(path: Path) -> bytes:
    name = printable(path.name)
    try:
        if not path.is_file():
            found = "is not a regular file" if path.exists() else "does not exist"
            raise AudioError(f"{name} {found}; give a MIDI file.")
        size = path.stat().st_size
        if size == 0:
            raise AudioError(f"{name} is empty (0 bytes); replace it or leave it out.")
        if size > LARGEST_BYTES:
            raise AudioError(f"{name} has {size >> 20} MiB, more than any score ({LARGEST_BYTES >> 20}); leave it out.")
        return path.read_bytes()
    except OSError as error:
        raise AudioError(f"{name} cannot be read ({error.strerror}); grant read permission or leave it out.") from None


def _check_complete(name: str, data: bytes) -> None:
    """Refuse a file whose last chunk, or whose count of tracks, promises more than there is."""
    at, tracks = 0, 0
    while at + 8 <= len(data):
        tracks += data[at : at + 4] == b"MTrk"
        at += 8 + int.from_bytes(data[at + 4 : at + 8], "big")
    promised = int.from_bytes(data[10:12], "big")
    if at > len(data) or tracks < promised:
        raise AudioError(
            f"{name} is cut off: it promises {promised} tracks and {at} bytes, {tracks} and {len(data)} are there; "
            "replace it or leave it out."
        )


def _check_length(name: str, score: "Score") -> None:
    if score.ticks_per_quarter <= 0:
        raise AudioError(f"{name} does not say how long a quarter is; it is damaged, replace it or leave it out.")
    quarters, seconds = score.end() / score.ticks_per_quarter, float(score.to("second").end())
    if not (quarters <= LONGEST_QUARTERS and seconds <= LONGEST_SECONDS):
        raise AudioError(
            f"{name} goes on for {quarters:.0f} quarters and {seconds / 3600:.1f} hours "
            f"(at most {LONGEST_QUARTERS} and {LONGEST_SECONDS // 3600} are taken); it is damaged or no piece of music."
        )
    if seconds < SHORTEST_SECONDS:
        raise AudioError(f"{name} lasts no time at all; leave it out.")


def _reason(error: Exception) -> str:
    """The decoder's own words, without its prefix and its library's category."""
    return re.sub(r"^MiniMidi: |: iostream error$", "", printable(str(error))).rstrip("! .")
