"""Groups: which tracks of a set are not independent of each other.

Goal: the unit that the test permutes, by the first rule that applies: the manifest's group, the album,
the folder, the track itself. A group that is too large costs power; one that falls apart makes p too
small, so where tags leave a doubt, tracks are taken together. Conventions: an album is the same group
in every set (so that a spanning album is noticed), a folder is not: two folders called "CD1" in two
sets have nothing to do with each other. Case, spaces, Unicode form and the number of a disc do not count.
"""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from earwitness.collection.linking import linked
from earwitness.collection.tags import Tags
from earwitness.collection.walk import Entry
from earwitness.text import same_text

_DISC = r"(cd|dis[ck]|dvd|lp)[ _\-.]*\d{1,2}"
_DISC_FOLDER = re.compile(rf"/(({_DISC})|(side[ _\-.]*[a-d\d]))$", re.IGNORECASE)
_DISC_OF_ALBUM = re.compile(rf"(?<=[^\s\-–,:(\[])[\s\-–,:]*[(\[]?\b{_DISC}[)\]]?$", re.IGNORECASE)
_GUEST = re.compile(r"(?<=\S)(?:\s+[(\[]?(?:feat|ft|featuring|with|vs|and|und|et|y|x)\b\.?|\s*[&,;/+])\s.*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed:
    """What grouping asks of a track: where it lies, what its file says, and its id."""

    entry: Entry
    tags: Tags
    track_id: str

    @property
    def place(self) -> tuple[str, str]:
        """Its role and folder, discs of one album being one folder."""
        return self.entry.role, _DISC_FOLDER.sub("", self.entry.folder)

    @property
    def album(self) -> str:
        """The album's title as a key, "" where there is none."""
        return _DISC_OF_ALBUM.sub("", same_text(self.entry.album or self.tags.album))

    @property
    def artist(self) -> str:
        """Whom the album is filed under, as a key: the album artist, else the artist."""
        return same_text(self.tags.album_artist) or same_text(self.entry.artist or self.tags.artist)


def groups_of(tracks: Sequence[Filed]) -> list[tuple[str, str]]:
    """Return every track's group and the rule that gave it: manifest, album, folder or track.

    Tracks are of one album where they have its title and either lie in one folder, whoever the
    artists are, or have the artist in common, guests apart; such links form chains. A track
    without an album that lies in a subfolder with exactly one belongs to it.
    """
    spelled = _spellings(tracks)
    albums = _albums(tracks)
    in_folder: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for track, album in zip(tracks, albums, strict=True):
        if album and track.entry.group is None:
            in_folder[track.place].add(album)
    found = []
    for track, album in zip(tracks, albums, strict=True):
        role, folder = track.place
        if track.entry.group is not None:
            found.append((spelled[same_text(track.entry.group)], "manifest"))
        elif album:
            found.append((album, "album"))
        elif folder:
            only = next(iter(in_folder[track.place])) if len(in_folder[track.place]) == 1 else None
            found.append((only or f"folder:{role}:{folder}", "folder"))
        else:
            found.append((f"track:{role}:{track.track_id}", "track"))
    return found


def _albums(tracks: Sequence[Filed]) -> list[str | None]:
    """The name of each track's album: its title and the artist that most of its tracks are filed under."""
    keys: list[list[Hashable]] = [
        [("folder", track.place, track.album), ("artist", _GUEST.sub("", track.artist), track.album)]
        if track.album
        else []
        for track in tracks
    ]
    numbers = linked(keys).tolist()
    artists: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for number, track in zip(numbers, tracks, strict=True):
        artists[number][track.artist] += 1
    names: list[str | None] = []
    for number, track in zip(numbers, tracks, strict=True):
        artist = min(artists[number], key=lambda name: (-artists[number][name], name))
        names.append(f"album:{track.album}" + (f" by {artist}" if artist else "") if track.album else None)
    return names


def _spellings(tracks: Sequence[Filed]) -> dict[str, str]:
    """One spelling for each group of the manifest: of those that mean the same, the first in order."""
    spelled: dict[str, str] = {}
    for text in sorted(" ".join(unicodedata.normalize("NFC", track.entry.group or "").split()) for track in tracks):
        spelled.setdefault(same_text(text), text)
    return spelled
