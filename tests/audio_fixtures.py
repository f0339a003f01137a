"""Real encoded files for tests: deterministic noise, written by libsndfile."""

from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

RATE = 16_000


def noise(seed: int, seconds: float = 0.5, channels: int = 1) -> NDArray[np.int16]:
    """16-bit noise [n, channels]; integers, so that WAV and FLAC hold the very same samples."""
    shape = (round(seconds * RATE), channels)
    return np.random.default_rng(seed).integers(-8000, 8000, shape).astype(np.int16)


def write(path: Path, samples: NDArray[np.generic], rate: int = RATE, subtype: str | None = None) -> Path:
    """Write samples in the format that the suffix names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".opus":
        soundfile.write(path, samples, rate, format="OGG", subtype="OPUS")
    else:
        soundfile.write(path, samples, rate, subtype=subtype)
    return path


def tone(path: Path, seed: int) -> Path:
    """Write half a second of noise of its own."""
    return write(path, noise(seed))
