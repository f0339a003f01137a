"""Groups: which tracks of a set are not independent of each other.

Goal: the unit that the test permutes, by the first rule that applies: the manifest's group,
the album, the folder, the track itself. Conventions: an album is the same group in every set
(so that a spanning album is noticed), a folder is not: two folders called "CD1" in two sets have
nothing to do with each other.
"""

import unicodedata

from earwitness.collection.tags import Tags
from earwitness.collection.walk import Entry


def group_of(entry: Entry, tags: Tags, track_id: str) -> tuple[str, str]:
    """Return a track's group and the rule that gave it: manifest, album, folder or track.

    An album is told apart by whom it is filed under: the album artist, else the artist. Case and spacing
    do not count.
    """
    if entry.group is not None:
        return entry.group, "manifest"
    if album := _key(entry.album or tags.album):
        artist = _key(tags.album_artist or entry.artist or tags.artist)
        return f"album:{album}" + (f" by {artist}" if artist else ""), "album"
    if entry.folder:
        return f"folder:{entry.role}:{entry.folder}", "folder"
    return f"track:{entry.role}:{track_id}", "track"


def _key(text: str | None) -> str:
    return " ".join(unicodedata.normalize("NFC", text or "").casefold().split())
