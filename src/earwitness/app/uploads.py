"""Uploads: strangers' files moved into an audit's own folder, under names that can do no harm there.

Goal: whatever a browser sends, nothing is written elsewhere, nothing is overwritten, and only what can be indexed
is kept.
"""

import re
import shutil
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from earwitness.errors import EarwitnessError

FILE_BYTES = 512 * 2**20
"""The largest file that is taken."""
SET_BYTES = 8 * 2**30
SET_FILES = 2_000
_NAME_BYTES = 120
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_KEPT = " _-()+,.'&"


def safe_name(name: str) -> str:
    r"""The file name that an upload gets: no folder, nothing hidden, no control or direction marks, at most 120 bytes.

    >>> safe_name("../../etc/passwd"), safe_name("C:\\songs\\.hidden.WAV"), safe_name("<script>.mp3")
    ('passwd', 'hidden.WAV', '_script_.mp3')
    """
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    kept = "".join(letter if _is_kept(letter) else "_" for letter in last).strip(" .")
    stem, dot, suffix = kept.rpartition(".")
    if not dot or len(suffix) > 8:
        stem, suffix = kept, ""
    stem = _short(stem, _NAME_BYTES - len(suffix.encode()) - 1).strip(" .") or "_"
    named = f"{stem}.{suffix}" if suffix else stem
    return f"_{named}" if _RESERVED.fullmatch(named) else named


@dataclass(frozen=True, slots=True)
class Upload:
    """A file where the server put it, and the name that it gets."""

    source: Path
    name: str


def checked(files: Iterable[str | Path], *, inside: Path) -> list[Upload]:
    """Refuse what cannot be taken; nothing is moved yet.

    Parameters
    ----------
    files
        Where the server put them.
    inside
        The folder of uploads; a path that leads elsewhere is refused.

    Raises
    ------
    EarwitnessError
        Where there are too many, too large, of no kind that can be indexed, or not uploads at all.
    """
    from earwitness.collection.reading import DECODERS

    uploads = [Upload(Path(file), safe_name(Path(file).name)) for file in files]
    root = inside.resolve()
    for source in (upload.source for upload in uploads):
        if source.is_symlink() or root not in source.resolve().parents or not source.is_file():
            raise EarwitnessError("A file that was not uploaded here was named; upload it again.")
    if len(uploads) > SET_FILES:
        raise EarwitnessError(f"{len(uploads):,} files were uploaded, and a set takes {SET_FILES:,}; give its folder.")
    sizes = [upload.source.stat().st_size for upload in uploads]
    if max(sizes, default=0) > FILE_BYTES or sum(sizes) > SET_BYTES:
        raise EarwitnessError(
            f"An upload takes files of {FILE_BYTES // 2**20} MiB and sets of {SET_BYTES // 2**30} GiB; give the folder."
        )
    if other := [upload.name for upload in uploads if Path(upload.name).suffix.lower() not in DECODERS]:
        raise EarwitnessError(
            f"{other[0]} is neither audio nor MIDI ({len(other)} such files); leave out what cannot be indexed."
        )
    return uploads


def keep(uploads: Iterable[Upload], folder: Path) -> Path:
    """Move uploads into ``folder``, which is made; nothing there is overwritten."""
    folder.mkdir(parents=True)
    for upload in uploads:
        shutil.move(upload.source, _free(folder, upload.name))
    return folder


def _free(folder: Path, name: str) -> Path:
    path, number = folder / name, 1
    while path.exists():
        number += 1
        path = folder / f"{Path(name).stem}-{number}{Path(name).suffix}"
    return path


def _is_kept(letter: str) -> bool:
    """Letters with their marks, and digits, of every script; little else."""
    return letter in _KEPT or unicodedata.category(letter)[0] in "LMN"


def _short(text: str, most: int) -> str:
    """As much of a text as fits into some bytes of UTF-8."""
    return text.encode()[:most].decode(errors="ignore")
