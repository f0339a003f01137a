"""Excerpts: the minute of every recording that is trained on and asked about, as FLAC in the work folder.

Goal: what the model may have met and what it is asked about are the same stretch of audio, at the
model's own rate. Conventions: mono, 16-bit, 16 kHz, peak ``PEAK``, the middle ``SECONDS`` (a shorter
recording whole); files are named by content, so that no stranger's text becomes a path.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from earwitness.audio import read_mono
from earwitness.files import write_atomically
from earwitness.ground_truth.performance import PEAK, SAMPLE_RATE, pcm16
from earwitness.types import OnProgress
from earwitness_bench.recordings.split import Part

SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """A part and its audio file."""

    part: Part
    path: Path

    @property
    def caption(self) -> str:
        """What a captioned training set would hold: the artist, in plain words."""
        return "music by " + " ".join(re.findall(r"\w+", self.part.artist))


def write_excerpts(
    parts: Sequence[Part], folder: Path, *, on_progress: OnProgress = lambda done, total: None
) -> list[Excerpt]:
    """Cut and write every part's excerpt; files that are there are kept."""
    excerpts = []
    for done, part in enumerate(parts, 1):
        path = folder / f"{part.recording.content_sha256[:16]}.flac"
        if not path.exists():
            samples = pcm16(middle(read_mono(part.recording.path, SAMPLE_RATE), seconds=SECONDS))
            write_atomically(path, lambda partial, s=samples: soundfile.write(partial, s, SAMPLE_RATE, format="FLAC"))  # type: ignore[misc]
        excerpts.append(Excerpt(part=part, path=path))
        on_progress(done, len(parts))
    return excerpts


def middle(wave: NDArray[np.float32], *, seconds: float) -> NDArray[np.float32]:
    """The middle of a waveform [samples] at ``SAMPLE_RATE``, its peak at ``PEAK``."""
    length = round(seconds * SAMPLE_RATE)
    start = max(0, (len(wave) - length) // 2)
    cut = wave[start : start + length]
    peak = float(np.abs(cut).max())
    return cut * np.float32(PEAK / peak) if peak > 0 else cut
