"""Reading: what one file of a collection gives, its audio decoded once and let go again.

Goal: everything later steps need to know of a file, or the one line that says why it cannot be used.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from earwitness import audio, midi
from earwitness.collection.generated import Made, machine_made
from earwitness.collection.grouping import Filed
from earwitness.collection.landmarks import Landmarks, landmarks
from earwitness.collection.note_grams import note_grams
from earwitness.collection.tags import Tags, read_tags
from earwitness.collection.tracks import Failure, Track
from earwitness.collection.walk import Entry
from earwitness.errors import AudioError
from earwitness.files import file_sha256
from earwitness.text import printable, storable

_ID_DIGITS = 16


class Decoded(Protocol):
    """What the tracks table asks of a decoded file, be it audio or a score."""

    @property
    def content_hash(self) -> str:
        """SHA-256 of what is heard or written, whatever the file's format."""

    @property
    def seconds(self) -> float:
        """Its length."""

    @property
    def sample_rate(self) -> int:
        """In Hz; 0 for a score."""

    @property
    def channels(self) -> int:
        """How many; 0 for a score."""

    @property
    def codec(self) -> str:
        """``pcm``, ``mp3``, ``midi`` …"""

    @property
    def bits_per_sample(self) -> int | None:
        """``None`` where there are none."""

    @property
    def decoder(self) -> str:
        """Which library read it, with its version."""

    @property
    def peak_dbfs(self) -> float | None:
        """The largest sample in dB below full scale; ``None`` for a score."""

    @property
    def rms_dbfs(self) -> float | None:
        """The root mean square in dB below full scale; ``None`` for a score."""

    @property
    def remarks(self) -> tuple[str, ...]:
        """What was done to it beyond decoding, in words."""


Describe = Callable[[Decoded], Mapping[str, float]]

DECODERS: Mapping[str, Callable[[Path], Decoded]] = {
    **dict.fromkeys(audio.SUFFIXES, audio.decode),
    **dict.fromkeys(midi.SUFFIXES, midi.decode),
}
"""Which file suffixes are indexed, and what decodes each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A file that can be used, without its samples."""

    entry: Entry
    tags: Tags
    content_sha256: str
    sha256: str
    size: int
    seconds: float
    sample_rate: int
    channels: int
    codec: str
    bits_per_sample: int | None
    decoder: str
    peak_dbfs: float | None
    rms_dbfs: float | None
    remarks: tuple[str, ...]
    made: Made
    marks: Landmarks
    described: Mapping[str, float]

    @property
    def kind(self) -> str:
        """What it is to a reader: audio or a score."""
        return "score" if self.codec == midi.Midi.codec else "audio"

    @property
    def place(self) -> str:
        """Its set and path, for a reader."""
        return f"{self.entry.role} {self.entry.name}"

    @property
    def track_id(self) -> str:
        """The first hex digits of ``content_sha256``."""
        return self.content_sha256[:_ID_DIGITS]

    @property
    def filed(self) -> Filed:
        """What grouping asks of it."""
        return Filed(entry=self.entry, tags=self.tags, track_id=self.track_id)

    def in_group(self, group: str, group_from: str) -> Track:
        """The row of the tracks table, once the group is known."""
        entry, tags = self.entry, self.tags
        return Track(
            track_id=self.track_id, role=entry.role, group=group, path=entry.name, sha256=self.sha256,
            seconds=self.seconds, sample_rate=self.sample_rate, prompt=entry.prompt, title=entry.title or tags.title,
            artist=entry.artist or tags.artist, album=entry.album or tags.album, group_from=group_from,
            pair=entry.pair, stratum=entry.stratum, channels=self.channels, content_sha256=self.content_sha256,
            codec=self.codec, bits_per_sample=self.bits_per_sample, bitrate=8 * self.size / self.seconds,
            decoder=self.decoder, peak_dbfs=self.peak_dbfs, rms_dbfs=self.rms_dbfs,
        )  # fmt: skip


def nothing_more(decoded: Decoded) -> Mapping[str, float]:
    """Describe no more of a file than the tracks table holds."""
    return {}


def read(entry: Entry, describe: Describe = nothing_more) -> Reading | Failure:
    """Decode, hash and describe the file of an entry; ``describe`` gives further numbers about what it holds."""
    try:
        decoded = _decoder(entry)(entry.path)
        sha256, size = file_sha256(entry.path), entry.path.stat().st_size
    except AudioError as error:
        return _failure(entry, error, str(error))
    except OSError as error:
        return _failure(
            entry, error, f"{printable(entry.path.name)} cannot be read ({error.strerror}); check the disk."
        )
    return Reading(
        entry=entry, tags=read_tags(entry.path), content_sha256=decoded.content_hash, sha256=sha256, size=size,
        seconds=decoded.seconds, sample_rate=decoded.sample_rate, channels=decoded.channels, codec=decoded.codec,
        bits_per_sample=decoded.bits_per_sample, decoder=decoded.decoder, peak_dbfs=decoded.peak_dbfs,
        rms_dbfs=decoded.rms_dbfs, remarks=decoded.remarks, made=machine_made(entry.path), marks=_marks(decoded),
        described=describe(decoded),
    )  # fmt: skip


def _marks(decoded: Decoded) -> Landmarks:
    """What tells the recording, or the score, in other clothes."""
    if isinstance(decoded, midi.Midi):
        return note_grams(decoded.score)
    assert isinstance(decoded, audio.Audio)
    return landmarks(decoded.samples, decoded.sample_rate)


def _failure(entry: Entry, error: Exception, message: str) -> Failure:
    return Failure(track_id="", path=storable(entry.name), stage="index", error=type(error).__name__, message=message)


def _decoder(entry: Entry) -> Callable[[Path], Decoded]:
    if storable(entry.name) != entry.name:
        raise AudioError(f"{printable(entry.name)} has a name that is not UTF-8; rename it.")
    decoder = DECODERS.get(entry.path.suffix.lower())
    if decoder is None:
        kinds = ", ".join(DECODERS)
        raise AudioError(
            f"{printable(entry.path.name)} is of a kind that is not decoded; convert it to one of {kinds}."
        )
    return decoder
