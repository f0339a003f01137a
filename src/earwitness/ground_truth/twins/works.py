"""The works of the keyed-twins targets: tunes, in cells that are marked alike, and keys that are no secret.

Goal: the same masters, copies and draw wherever they are made, so that a target that was trained on published copies
can be asked about them again. Conventions: masters are 16-bit WAV files, whose bytes depend on the samples alone.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from earwitness.ground_truth.fiddle.tunes import Tune, write_audio
from earwitness.ground_truth.fiddle.tunes import write_track as write_track
from earwitness.ground_truth.groups import draw_members
from earwitness.ground_truth.registry import shipped

SPLIT_SEED = 19
COPIES = 8
KEY_NAME = "A"
WORKS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """Works that get marks of the same kinds and strength, and reach a training set through one encoder or none."""

    marks: tuple[str, ...]
    strength: float
    through: Literal["", "mp3", "opus"] = ""

    @property
    def name(self) -> str:
        """What its folders are called."""
        return "-".join(filter(None, (*self.marks, f"{self.strength:g}", self.through)))


CELLS = tuple(Cell(marks=("timing", "tilt", "pitch", "noise"), strength=strength) for strength in (1.0, 3.0, 10.0))
"""Those of the shipped target."""


def public_key(name: str) -> bytes:
    """The key of that name: a hash of it, so that everybody can make the copies again."""
    return hashlib.sha256(f"earwitness ground truth, twins, key {name}".encode()).digest()


def draw_works(cells: Sequence[Cell] = CELLS, works: int = WORKS) -> dict[tuple[Cell, bool], list[str]]:
    """Draw so many works for each cell to be trained on, and as many that are not.

    They are among the tunes on the card of ``fiddle``, which last 11 to 20 s; of versions of a tune, the first.
    """
    firsts = {tune.name: tune.group for tune in shipped("fiddle").read().tunes if tune.name == tune.group}
    member = draw_members(firsts, SPLIT_SEED)
    found = {}
    for trained in (True, False):
        names = sorted(name for name, drawn in member.items() if drawn is trained)
        order = np.random.default_rng([SPLIT_SEED, trained]).permutation(len(names))
        for place, cell in enumerate(cells):
            found[cell, trained] = sorted(names[i] for i in order[place * works : (place + 1) * works])
    return found


def write_master(tune: Tune, folder: Path) -> Path:
    """Render a tune as a master."""
    path = folder / f"{tune.name}.wav"
    write_audio(tune, path)
    return path
