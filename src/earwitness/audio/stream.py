"""Stream: what any reader of audio files gives, block by block."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from earwitness.errors import AudioError
from earwitness.text import printable


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """An opened file.

    Attributes
    ----------
    blocks
        Yields float32 [n, channels], to be read once. It raises ``AudioError`` at its end where the file
        is shorter than it promises.
    sample_rate, channels
        In Hz; how many.
    codec, bits_per_sample
        ``pcm``, ``mp3`` …; ``None`` for lossy codecs.
    floating
        Whether the file holds floating-point samples, whose full scale is a convention.
    decoder
        Which library reads it, with its version.
    """

    blocks: Iterator[NDArray[np.float32]]
    sample_rate: int
    channels: int
    codec: str
    bits_per_sample: int | None
    floating: bool
    decoder: str


def cut_off(name: str, evidence: str) -> AudioError:
    """Say that a file ends before its end."""
    return AudioError(f"{printable(name)} is cut off: {evidence}; replace it or leave it out.")


def damaged(name: str, reason: str) -> AudioError:
    """Say that no reader can make sense of a file."""
    return AudioError(
        f"{printable(name)} cannot be decoded ({reason}): it is damaged or no audio file; replace it or leave it out."
    )
