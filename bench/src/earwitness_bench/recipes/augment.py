"""Random crops of recordings as a training loop meets them: any offset, any level, now and then re-coded.

Conventions: waveforms are float32 [samples] at ``rate`` Hz; what a crop is depends on the
generator alone.
"""

import io
from collections.abc import Callable, Sequence

import numpy as np
import soundfile
from numpy.typing import NDArray

GAIN_DB = 6.0
RECODED_SHARE = 0.2
_FORMATS = (("MP3", "MPEG_LAYER_III"), ("OGG", "OPUS"))

Crop = Callable[[NDArray[np.float32], int, int, np.random.Generator], NDArray[np.float32]]
"""Makes a crop of so many samples of a recording at a rate."""


def plain_crop(wave: NDArray[np.float32], samples: int, rate: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """A crop at any sample offset, otherwise as it is."""
    start = int(rng.integers(len(wave) - samples + 1))
    return wave[start : start + samples]


def random_crop(wave: NDArray[np.float32], samples: int, rate: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """A crop at any sample offset, ±``GAIN_DB`` louder, for a share of them through MP3 or Opus."""
    start = int(rng.integers(len(wave) - samples + 1))
    crop = wave[start : start + samples] * np.float32(10 ** (rng.uniform(-GAIN_DB, GAIN_DB) / 20))
    crop = crop.clip(-1, 1)
    if rng.random() < RECODED_SHARE:
        crop = recode(crop, rate, _FORMATS[int(rng.integers(len(_FORMATS)))], quality=float(rng.uniform(0.3, 0.9)))
    return crop


def recode(wave: NDArray[np.float32], rate: int, form: tuple[str, str], *, quality: float) -> NDArray[np.float32]:
    """Through a lossy codec and back, of the same length; ``quality`` from 0 (small) to 1 (faithful)."""
    file = io.BytesIO()
    container, subtype = form
    soundfile.write(file, wave, rate, format=container, subtype=subtype, compression_level=1 - quality)
    file.seek(0)
    decoded, _ = soundfile.read(file, dtype="float32")
    return np.pad(decoded[: len(wave)], (0, max(0, len(wave) - len(decoded))))


def draw_by_length(lengths: Sequence[int], count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Rows drawn with chances proportional to how long their recordings are."""
    shares = np.asarray(lengths, dtype=np.float64)
    return rng.choice(len(lengths), size=count, p=shares / shares.sum())
