"""The library: every recording of a set of packages, with its artist, piece and licence.

Goal: from unpacked packages to a table that a split can be drawn from. Conventions: sound
effects (shorter than ``SHORTEST``), symbolic links and unreadable files are left out; of equal
content the first by path is kept; pieces are told apart within an artist.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import soundfile

from earwitness.audio import decode
from earwitness.errors import AudioError, EarwitnessError
from earwitness.types import OnProgress
from earwitness_bench.recordings.attribution import artist_of, piece_of, title_of
from earwitness_bench.recordings.packages import audio_files, read_licences, unpack

SHORTEST = 30.0
"""Seconds; anything shorter is an effect or a jingle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One recording.

    ``artist`` is ``None`` where nobody is named; ``piece`` is shared by versions of one piece;
    ``content_sha256`` is that of the decoded mono samples; ``name`` is the path in its package.
    """

    path: Path
    package: str
    name: str
    artist: str | None
    title: str
    piece: str
    seconds: float
    licence: str
    content_sha256: str


def read_library(library: Path, work: Path, *, on_progress: OnProgress = lambda done, total: None) -> list[Recording]:
    """All recordings of the packages in ``library``, by package and path.

    Parameters
    ----------
    library
        A folder of Debian packages, unpacked (a folder each) or as .deb files.
    work
        Where packages and archives are unpacked to, once.

    Raises
    ------
    EarwitnessError
        If there is no package, or no recording in any.
    """
    found = [row for package, folders in unpack(library, work).items() for row in _music(package, folders)]
    kept: dict[str, Recording] = {}
    for done, recording in enumerate(found, 1):
        try:
            content = decode(recording.path).content_hash
        except AudioError:
            continue
        kept.setdefault(content, replace(recording, content_sha256=content))
        on_progress(done, len(found))
    if not kept:
        raise EarwitnessError(f"{library} holds packages but no recording of {SHORTEST:g} s or more; add another.")
    return list(kept.values())


def _music(package: str, folders: tuple[Path, ...]) -> Iterator[Recording]:
    licences = read_licences(folders[0], package)
    for folder in folders:
        for path in audio_files(folder):
            try:
                seconds = soundfile.info(path).duration
            except soundfile.SoundFileError:
                continue
            if seconds < SHORTEST:
                continue
            title, name = title_of(path), path.relative_to(folder).as_posix()
            yield Recording(
                path=path, package=package, name=name, title=title, piece=piece_of(title), seconds=seconds,
                artist=artist_of(path, package=package, copyright_text=licences.text),
                licence=licences.of(PurePosixPath(name)), content_sha256="",
            )  # fmt: skip
