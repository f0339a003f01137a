"""From a folder of masters to copies, a published one of each, and the seal.

Goal: after an interruption the same command makes the same copies again, and nothing that was sealed is
overwritten. Conventions: a work is named by its file's path without the suffix; a sealed folder holds audio or scores,
not both, and copies are written as `earwitness.twins.media` says.
"""

import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path, PurePosixPath

from earwitness.collection.tracks import Role
from earwitness.collection.walk import walk_folder
from earwitness.errors import EarwitnessError
from earwitness.files import file_sha256, write_atomically
from earwitness.twins.media import AUDIO, Medium, check_strength, medium_of
from earwitness.twins.seal import PUBLISHED, SEAL_NAME, Seal, SealedWork, commitment, copy_path, drawn, mark_seed
from earwitness.types import OnProgress

FEWEST_COPIES = 2


def mark_folder(
    masters: Path,
    out: Path,
    key: bytes,
    *,
    copies: int = 8,
    kinds: Sequence[str] = AUDIO.kinds,
    strength: float = 1.0,
    beacon: str = "",
    on_progress: OnProgress = lambda done, total: None,
) -> Seal:
    """Write the copies of every master, the drawn one of each again under ``published/``, and ``seal.json``.

    Parameters
    ----------
    masters, out
        A folder of audio or of MIDI files; a folder to be made.
    key
        32 bytes (`earwitness.twins.seal.new_key`).
    copies
        Copies of each work, at least 2.
    kinds, strength
        The marks (`earwitness.twins.marks`, `earwitness.twins.score_marks`).
    beacon
        A text that nobody could know beforehand; may be empty.

    Raises
    ------
    EarwitnessError
        If ``out`` is sealed already, there are fewer than two copies, a kind of mark is unknown, no master can be
        read, two are the same file, two copies come out the same, or a master has more than two channels.
    """
    medium = check_request(out, copies=copies, kinds=kinds, strength=strength)
    entries = walk_folder(masters, Role.SUSPECT, medium.suffixes).entries
    files = [entry.path for entry in entries]
    names = [PurePosixPath(entry.name).with_suffix("").as_posix() for entry in entries]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise EarwitnessError(f"Two masters are called {twice[0]!r}, with different suffixes; rename one.")
    _check_unlike(names, files)
    works = []
    for done, (name, file) in enumerate(zip(names, files, strict=True)):
        on_progress(done, len(files))
        works.append(_work(medium, name, file, out, key, copies, kinds, strength))
    on_progress(len(files), len(files))
    seal = Seal(
        key_commitment=commitment(key), beacon=beacon, marks=tuple(kinds), strength=strength, works=tuple(works)
    )
    for work in works:
        published = out / PUBLISHED / f"{work.name}{medium.copy_suffix}"
        source = copy_path(out, work.name, drawn(key, beacon, work.master_sha256, copies), medium.copy_suffix)
        write_atomically(published, partial(shutil.copyfile, source))
    seal.write(out)
    return seal


def check_request(out: Path, *, copies: int, kinds: Sequence[str], strength: float) -> Medium:
    """Refuse what can be refused before a key is made or a master is read; return what is to be marked."""
    if (out / SEAL_NAME).exists():
        raise EarwitnessError(f"{out} is sealed already; what was sealed stays as it is. Choose another folder.")
    if copies < FEWEST_COPIES:
        raise EarwitnessError(f"{copies} copies of a work leave nothing to draw; make at least {FEWEST_COPIES}.")
    check_strength(strength)
    return medium_of(kinds)


def _check_unlike(names: Sequence[str], files: Sequence[Path]) -> None:
    """Refuse masters with the same bytes: they would get the same marks and the same draw, and count twice."""
    first: dict[str, str] = {}
    for name, file in zip(names, files, strict=True):
        if (other := first.setdefault(file_sha256(file), name)) != name:
            raise EarwitnessError(f"The masters {other!r} and {name!r} are the same file; leave one out.")


def _work(
    medium: Medium, name: str, file: Path, out: Path, key: bytes, copies: int, kinds: Sequence[str], strength: float
) -> SealedWork:
    write = medium.copier(file, kinds, strength)
    master = file_sha256(file)
    paths = [copy_path(out, name, number, medium.copy_suffix) for number in range(copies)]
    for number, path in enumerate(paths):
        write_atomically(path, partial(write, seed=mark_seed(key, master, number)))
    first: dict[str, int] = {}
    for number, path in enumerate(paths):
        if (other := first.setdefault(medium.content(path), number)) != number:
            raise EarwitnessError(
                f"Copies {other} and {number} of {name!r} are the same but for what no model reads, so nothing could "
                "tell them apart; use more kinds of marks, a greater --strength or fewer --copies."
            )
    return SealedWork(name=name, master_sha256=master, copies=tuple(file_sha256(path) for path in paths))
