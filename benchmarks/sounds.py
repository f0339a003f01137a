"""What benchmarks listen to: plucked notes of random pitch, as FLAC at 44.1 kHz."""

from pathlib import Path

import numpy as np
import soundfile

RATE = 44_100


def write_collection(folder: Path, *, tracks: int, seconds: int = 60) -> None:
    """Write ``suspect`` and ``held_out``, so many tracks of so many seconds each, and ``manifest.csv``."""
    rows = ["path,role,group"]
    times = np.arange(RATE // 4) / RATE
    for number in range(2 * tracks):
        rng = np.random.default_rng(number)
        notes = 220 * 2 ** (rng.integers(0, 24, size=4 * seconds) / 12)
        wave = np.concatenate([0.4 * np.sin(2 * np.pi * hertz * times) * np.exp(-4 * times) for hertz in notes])
        path = folder / ("suspect", "held_out")[number % 2] / f"{number}.flac"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, wave + rng.normal(scale=0.003, size=wave.shape), RATE)
        rows.append(f"{path.relative_to(folder)},{path.parent.name},{number}")
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n")
