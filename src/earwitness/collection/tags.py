"""Tags: title, artist and album as the file states them, or nothing.

Goal: strangers' text, kept verbatim and never trusted. A broken tag is no failure of the
track, only an absent one. Conventions: an absent or blank value is ``None``, and so is one that could not
be decoded (a RIFF chunk in some code page); several values of one field are joined by "; ".
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import mutagen
import soundfile

from earwitness.text import storable

# The names in Vorbis comments, APE tags, easy ID3 and easy MP4; in the ID3 inside WAV and AIFF; in WMA.
_FIELDS = {
    "title": ("title", "TIT2", "Title"),
    "artist": ("artist", "TPE1", "Author"),
    "album": ("album", "TALB", "WM/AlbumTitle"),
    "album_artist": ("albumartist", "album artist", "TPE2", "WM/AlbumArtist"),
}
_UNDECODED = "\ufffd"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tags:
    """What a file says about itself; ``album_artist`` is whom the album is filed under."""

    title: str | None = None
    artist: str | None = None
    album: str | None = None
    album_artist: str | None = None


def read_tags(path: Path) -> Tags:
    """Read a file's tags; whatever cannot be read is absent."""
    return Tags(**(_container_texts(path) | _tag_texts(path)))


def _tag_texts(path: Path) -> dict[str, str]:
    try:
        file = mutagen.File(path, easy=True)
        tags = None if file is None else file.tags
        if tags is None:
            return {}
        values = {field: next((tags[key] for key in keys if key in tags), ()) for field, keys in _FIELDS.items()}
        texts = {field: _joined(value) for field, value in values.items()}
    except Exception:  # mutagen's parsers raise whatever a malformed tag trips over
        return {}
    return {field: text for field, text in texts.items() if text is not None}


def _container_texts(path: Path) -> dict[str, str]:
    """Texts of the RIFF INFO and AIFF chunks, which only libsndfile reads."""
    try:
        with soundfile.SoundFile(path) as file:
            texts = file.copy_metadata()
    except (soundfile.SoundFileError, OSError):
        return {}
    found = {field: _joined([texts.get(field, "")]) for field in ("title", "artist", "album")}
    return {field: text for field, text in found.items() if text is not None}


def _joined(values: Iterable[object]) -> str | None:
    texts = [text for value in values if (text := storable(str(value))).strip() and _UNDECODED not in text]
    return "; ".join(texts) or None
