"""Entries: which files are to be indexed, before any of them is opened.

Goal: a folder or a manifest becomes the same list of entries. Conventions: a folder is walked in
sorted order; symbolic links and hidden names are skipped, since a link may lead to a track that is
listed already, or out of the folder; files of other kinds are counted as ignored.
"""

import os
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from earwitness.collection.tracks import Failure, Role
from earwitness.errors import EarwitnessError
from earwitness.text import printable

UNSUPPORTED = "cannot be decoded ("
_UNSUPPORTED_AUDIO = frozenset({".m4p", ".ra", ".rm", ".shn", ".tak", ".ac3", ".dts"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A file to index and what its user says about it.

    ``path`` leads to the file; ``name`` is the same relative to ``root`` (POSIX), as the table keeps it.
    ``folder`` is its folder relative to the one that holds all files of the role, "" for that one.
    """

    path: Path
    name: str
    role: Role
    folder: str
    group: str | None = None
    pair: str | None = None
    stratum: str | None = None
    prompt: str = ""
    title: str | None = None
    artist: str | None = None
    album: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """Entries, the folder their names are relative to, and what was passed over.

    ``failures`` are folders that could not be listed; ``warnings`` are sentences for the reader.
    """

    root: Path
    entries: tuple[Entry, ...]
    ignored: int = 0
    symlinks: int = 0
    failures: tuple[tuple[Role, Failure], ...] = ()
    warnings: tuple[str, ...] = ()


def walk_folder(root: Path, role: Role, suffixes: Collection[str]) -> Gathered:
    """List the files with one of these suffixes in a folder and its subfolders.

    Raises
    ------
    EarwitnessError
        Where there is no such folder, or it holds no such file.
    """
    if not root.is_dir():
        found = "is no folder" if root.exists() else "does not exist"
        raise EarwitnessError(f"The {role} folder {root} {found}; give a folder of audio or MIDI files.")
    paths: list[Path] = []
    others: Counter[str] = Counter()
    symlinks = 0
    errors: list[OSError] = []
    for parent, folders, files in os.walk(root, onerror=errors.append):
        here = Path(parent)
        links = {name for name in (*folders, *files) if (here / name).is_symlink()}
        symlinks += len(links)
        folders[:] = [name for name in folders if name not in links and not name.startswith(".")]
        for path in (here / name for name in files if name not in links and not name.startswith(".")):
            if path.suffix.lower() in suffixes and path.is_file():
                paths.append(path)
            else:
                others[path.suffix.lower()] += 1
    if not paths:
        raise EarwitnessError(_nothing_found(root, role, others, symlinks, errors))
    names = sorted((_relative(path, root), path) for path in paths)
    entries = tuple(Entry(path=path, name=name, role=role, folder=_parent(name)) for name, path in names)
    return Gathered(
        root=root, entries=entries, ignored=others.total(), symlinks=symlinks,
        failures=tuple((role, _unlisted(error, root)) for error in errors), warnings=_unsupported(root, others),
    )  # fmt: skip


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _parent(name: str) -> str:
    parent = Path(name).parent.as_posix()
    return "" if parent == "." else parent


def _unlisted(error: OSError, root: Path) -> Failure:
    name = printable(_relative(Path(error.filename), root))
    return Failure(
        track_id="", path=name, stage="index", error=type(error).__name__,
        message=f"The folder {name} cannot be listed ({error.strerror}); grant read permission or leave it out.",
    )  # fmt: skip


def _nothing_found(root: Path, role: Role, others: Counter[str], symlinks: int, errors: Sequence[OSError]) -> str:
    suffixes = printable(", ".join(f"{n} × {suffix or 'no suffix'}" for suffix, n in others.most_common(3)))
    found = [f"{others.total()} other files ({suffixes})"] if others else []
    found += [f"{symlinks} symbolic links"] if symlinks else []
    found += [f"{len(errors)} folders that cannot be listed ({errors[0].strerror})"] if errors else []
    contents = ", ".join(found) if found else "nothing"
    return (
        f"The {role} folder {root} holds no audio or MIDI file (found: {contents}); "
        "put WAV, FLAC, Ogg, Opus, MP3, M4A or AIFF files there, or MIDI files."
    )


def _unsupported(root: Path, others: Counter[str]) -> tuple[str, ...]:
    count = sum(others[suffix] for suffix in _UNSUPPORTED_AUDIO)
    kinds = ", ".join(sorted(suffix for suffix in _UNSUPPORTED_AUDIO if others[suffix]))
    if not count:
        return ()
    return (f"{count} audio files in {root} {UNSUPPORTED}{kinds}); convert them to FLAC.",)
