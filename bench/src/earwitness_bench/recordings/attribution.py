"""Who made a recording, and of which piece it is a version: from tags and from the package's own credits.

Goal: an honest name or none. A label that names nobody ("unknown", a web address) is no artist;
a file name counts only where the package's copyright file states the name that it stands for.
Conventions: nicknames in quotes or brackets are dropped, so that one person has one name.
"""

import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

import mutagen

from earwitness.collection.tags import read_tags

_NOBODY = re.compile(r"^\W*(unknown|various|n/?a|none)\b.*$|https?:|www\.", re.IGNORECASE)
_NICKNAME = re.compile(r"\s*(\"[^\"]*\"|'[^']*'|\([^)]*\)|\baka\b.*$)\s*", re.IGNORECASE)
_NO_TITLE = re.compile(r"^\d+\s*-\s*track\s*\d+$|^track\s*\d+$", re.IGNORECASE)
# From here on a title tells which version it is: "v2", "1.2.2", "Remix", "Revisited" …
_VERSION = re.compile(
    r"[\s_]+(v\s?\d[\d.]*|\d+\.[\d.]+|remix(ed)?|revisited|version|edit|cut|mix|orchestral|old|demo|reprise)\b.*$",
    re.IGNORECASE,
)


class Credit(NamedTuple):
    """Files of a package, and whom its copyright file names for them, in its own words."""

    package: str
    files: str
    stated: str


CREDITS = (
    Credit("ufoai-music", "Crystan-*", "Christian Hoffmann"),
    Credit("ufoai-music", "Psymong*", "Simon Green (Psymong)"),
    Credit("ufoai-music", "Marine*", '"Marine" Baklund'),
    Credit("ufoai-music", "David*", "David Reeves (Destructavator)"),
    Credit("ufoai-music", "van_*", 'Manuel "Vanethian" Marino'),
)
SAME_PERSON = {"elysis": "Gerd Raudenbusch", "www.elysis.de": "Gerd Raudenbusch"}
"""Bare nicknames that other recordings of the same package explain in their tags."""


def artist_of(path: Path, *, package: str, copyright_text: str) -> str | None:
    """The artist by the file's tags (else its composer), else by its package's credits; ``None`` if nobody is named."""
    for label in (read_tags(path).artist, _composer(path)):
        if label and (name := person_named(label)):
            return name
    for credit in CREDITS:
        if credit.package == package and fnmatchcase(path.name, credit.files) and credit.stated in copyright_text:
            return person_named(credit.stated)
    return None


def person_named(label: str) -> str | None:
    """The name of whom a label names (several: "A and B"), without nicknames; ``None`` where it names nobody."""
    names = []
    for part in label.split("; "):
        part = SAME_PERSON.get(part.strip(), part)
        if _NOBODY.search(part):
            continue
        name = " ".join(_NICKNAME.sub(" ", part).split())
        if name and name not in names:
            names.append(name)
    return " and ".join(names) or None


def title_of(path: Path) -> str:
    """The title by the file's tags where it says anything, else the name of the file."""
    title = (read_tags(path).title or "").split("; ")[0].strip()
    return path.stem if not title or _NO_TITLE.match(title) else title


def piece_of(title: str) -> str:
    """What versions of one piece have in common: the title up to the words that tell its versions apart.

    Numbers alone do not make versions: "Battlescape 01" and "Battlescape 02" are two pieces.
    """
    bare = _VERSION.sub("", re.sub(r"\([^)]*\)", " ", title.replace("_", " ").strip()))
    letters = re.sub(r"[^\w]+", " ", bare.casefold()).strip()
    return letters or title.casefold()


def _composer(path: Path) -> str | None:
    try:
        file = mutagen.File(path, easy=True)
        values = file.tags.get("composer", []) if file is not None and file.tags is not None else []
    except Exception:  # mutagen's parsers raise whatever a malformed tag trips over
        return None
    return "; ".join(str(value) for value in values) or None
