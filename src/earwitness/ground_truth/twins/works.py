"""The works of the keyed-twins targets: tunes as masters, in cells that were marked alike.

Goal: the same masters, copies and draw wherever they are made, so that a target that was trained on published copies
can be asked about them again. Conventions: masters are 16-bit WAV files, whose bytes depend on the samples alone; a
cell's folder is what ``earwitness mark`` makes of the masters in it, under a key that is no secret here.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from earwitness.files import file_sha256, write_atomically
from earwitness.ground_truth.fiddle.tunes import Tune, write_audio
from earwitness.ground_truth.fiddle.tunes import write_track as write_track
from earwitness.ground_truth.groups import draw_members
from earwitness.twins.mark import mark_folder
from earwitness.twins.media import AUDIO
from earwitness.twins.seal import SEAL_NAME, drawn, mark_seed

SPLIT_SEED = 19
COPIES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """Works that get marks of the same kinds and strength."""

    marks: tuple[str, ...]
    strength: float

    @property
    def name(self) -> str:
        """What its folders are called."""
        return f"{'-'.join(self.marks)}-{self.strength:g}"


def public_key(name: str) -> bytes:
    """The key of that name: a hash of it, so that everybody can make the copies again."""
    return hashlib.sha256(f"earwitness ground truth, twins, key {name}".encode()).digest()


def draw_works(groups: Mapping[str, str], cells: Sequence[Cell], works: int) -> dict[tuple[Cell, bool], list[str]]:
    """Draw so many works for each cell to be trained on, and as many that are not; of versions of a tune, the first.

    ``groups`` is each tune's name → its group.
    """
    firsts = {name: group for name, group in groups.items() if name == group}
    member = draw_members(firsts, SPLIT_SEED)
    found = {}
    for trained in (True, False):
        names = sorted(name for name, drawn in member.items() if drawn is trained)
        order = np.random.default_rng([SPLIT_SEED, trained]).permutation(len(names))
        for place, cell in enumerate(cells):
            found[cell, trained] = sorted(names[i] for i in order[place * works : (place + 1) * works])
    return found


def write_sealed(folder: Path, tunes: Sequence[Tune], cell: Cell, key: bytes) -> Path:
    """Render the tunes as masters and mark them; return the sealed folder, which is left alone if it is there."""
    masters, sealed = folder / "masters", folder / "sealed"
    if not (sealed / SEAL_NAME).exists():
        for tune in tunes:
            write_audio(tune, masters / f"{tune.name}.wav")
        mark_folder(masters, sealed, key, copies=COPIES, kinds=cell.marks, strength=cell.strength)
    return sealed


def write_published(folder: Path, tune: Tune, cell: Cell, key: bytes) -> Path:
    """Write the copy of one tune that the key draws, and only that: the file that `write_sealed` publishes."""
    master, published = folder / "masters" / f"{tune.name}.wav", folder / "drawn" / f"{tune.name}.flac"
    if not published.exists():
        write_audio(tune, master)
        sha256 = file_sha256(master)
        seed = mark_seed(key, sha256, drawn(key, "", sha256, COPIES))
        write_atomically(published, partial(AUDIO.copier(master, cell.marks, cell.strength), seed=seed))
    return published
