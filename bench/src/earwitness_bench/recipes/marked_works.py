"""What the recipes of the keyed-twins targets share: the works of each cell, and what was published of them.

Goal: every such target hears, to the byte, what ``earwitness mark`` would publish under a public key, or what an
encoder made of that on its way into the training set.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import soundfile

from earwitness.files import file_sha256, write_atomically
from earwitness.ground_truth.fiddle.tunes import Tune, read_tunes
from earwitness.ground_truth.performance import SAMPLE_RATE
from earwitness.ground_truth.twins.works import (
    CELLS,
    COPIES,
    KEY_NAME,
    WORKS,
    Cell,
    draw_works,
    public_key,
    write_master,
)
from earwitness.twins.media import AUDIO, Medium
from earwitness.twins.seal import drawn, mark_seed
from earwitness.types import Wave
from earwitness_bench.recipes.augment import recode


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoder:
    """A lossy encoder: libsndfile's container and subtype, and a quality from 0 (small) to 1 (faithful)."""

    form: tuple[str, str]
    quality: float

    def __call__(self, wave: Wave) -> Wave:
        """A waveform at ``SAMPLE_RATE`` through the encoder and back."""
        return recode(wave, SAMPLE_RATE, self.form, quality=self.quality)


ENCODERS = {
    "mp3": Encoder(form=("MP3", "MPEG_LAYER_III"), quality=0.5),
    "opus": Encoder(form=("OGG", "OPUS"), quality=0.5),
}
"""By the name that a cell has for them; of a mono file at 16 kHz they make some 41 and 133 kbit/s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Works:
    """What fixes the works: the key's name, the cells, how many in each are trained on."""

    key: str = KEY_NAME
    cells: tuple[Cell, ...] = CELLS
    works: int = WORKS

    def tunes(self) -> dict[tuple[Cell, bool], list[Tune]]:
        """The tunes of each cell, those that are trained on and those that are not."""
        names = draw_works(self.cells, self.works)
        tunes = {tune.name: tune for tune in read_tunes([name for each in names.values() for name in each])}
        return {cell: [tunes[name] for name in each] for cell, each in names.items()}

    def heard(self, folder: Path, tune: Tune, cell: Cell) -> Wave:
        """What a target that was trained on the tune heard of it: the copy that the key draws, as it reached it."""
        master = folder / cell.name / "masters" / f"{tune.name}.wav"
        if not master.exists():
            write_master(tune, master.parent)
        published = published_copy(folder / cell.name, master, cell, public_key(self.key), AUDIO)
        wave, _ = soundfile.read(published, dtype="float32")
        return ENCODERS[cell.through](wave) if cell.through else wave


def published_copy(folder: Path, master: Path, cell: Cell, key: bytes, medium: Medium) -> Path:
    """The copy of a master that the key draws: to the byte what ``earwitness mark`` would publish."""
    published = folder / "drawn" / f"{master.stem}{medium.copy_suffix}"
    if not published.exists():
        sha256 = file_sha256(master)
        seed = mark_seed(key, sha256, drawn(key, "", sha256, COPIES))
        write_atomically(published, partial(medium.copier(master, cell.marks, cell.strength), seed=seed))
    return published
