"""The files of a folder by what their names say, so that no listed id is ever made into a path.

Goal: data sets reach a disk under many names and in many subfolders. The folder is walked once,
and a listed id is looked up among what is there. Links to files and folders are followed, since
large collections are often linked to; a folder is entered once.
"""

import os
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator
from pathlib import Path

FilesByName = dict[Hashable, list[Path]]


def files_by_name(
    root: Path,
    suffixes: Collection[str],
    key: Callable[[str], Hashable | None],
    *,
    without: Collection[str] = (),
) -> FilesByName:
    """The files below a folder by the key of their name without suffix, in order of path.

    Files whose key is ``None`` are not taken; folders called one of ``without`` are not entered.
    """
    found: FilesByName = {}
    for path in sorted(_files(root, without)):
        if path.suffix.lower() in suffixes and (name := key(path.stem)) is not None:
            found.setdefault(name, []).append(path)
    return found


def first_of(files: FilesByName, keys: Iterable[Hashable]) -> list[Path]:
    """The files of the first key that has any."""
    return next((files[key] for key in keys if key in files), [])


def _files(root: Path, without: Collection[str]) -> Iterator[Path]:
    entered = set()
    for parent, folders, files in os.walk(root, followlinks=True):
        here = os.path.realpath(parent)
        if here in entered:
            folders[:] = []
            continue
        entered.add(here)
        folders[:] = sorted(name for name in folders if name not in without and not name.startswith("."))
        yield from (Path(parent, name) for name in files if not name.startswith("."))
