"""Small runs that engines of several processes measure: nine tracks or more, a tiny model, parts of two tracks."""

import shutil
from pathlib import Path

import numpy as np
import polars as pl
import soundfile

from earwitness import pipeline
from earwitness.settings import MeasureSettings
from tests.tiny import SAMPLE_RATE, save_tiny_musicgen


def indexed(folder: Path, tracks: int) -> tuple[Path, MeasureSettings]:
    """An indexed run of so many tracks a side, and settings for a tiny model."""
    for side, first in (("suspect", 0), ("held_out", tracks)):
        (folder / side).mkdir(parents=True)
        for number in range(tracks):
            wave = np.random.default_rng(first + number).normal(scale=0.2, size=2 * SAMPLE_RATE).clip(-1, 1)
            soundfile.write(folder / side / f"{number}.flac", wave, SAMPLE_RATE)
    run = folder / "indexed"
    pipeline.index_stage(run, suspect=folder / "suspect", held_out=folder / "held_out")
    model = str(save_tiny_musicgen(folder / "model"))
    return run, MeasureSettings(target=model, seconds=1.0, windows_per_track=2, device="cpu")


def copy(run: Path, name: str) -> Path:
    """The indexed run again, to be measured by another engine."""
    return Path(shutil.copytree(run, run.parent / name))


def files(run: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((run / "features").iterdir())}


def tracks_of(run: Path) -> int:
    return pl.read_parquet(run / "features" / "part-*.parquet")["track_id"].n_unique()
