"""Real encoded files for tests: deterministic noise, written by libsndfile."""

from math import nan
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from earwitness.collection.tracks import Role, Track

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


def located(path: Path, *, track_id: str, content_sha256: str = "0" * 64, prompt: str = "") -> tuple[Track, Path]:
    """A track at a path of which nothing else is known, as an indexed collection gives it."""
    unknown: dict[str, object] = {
        "role": Role.SUSPECT, "group": track_id, "path": path.name, "sha256": "", "seconds": nan, "sample_rate": 0,
        "title": None, "artist": None, "album": None, "group_from": "track", "pair": None, "stratum": None,
        "channels": 1, "codec": "flac", "decoder": "soundfile",
        "peak_dbfs": None, "rms_dbfs": None, "bits_per_sample": None, "bitrate": nan,
    }  # fmt: skip
    return Track(track_id=track_id, content_sha256=content_sha256, prompt=prompt, **unknown), path
