"""Sample distance: how far a window's mean logits lie from those of works that were not used.

Goal: logits averaged over chunks of frames, and the mean cosine distance between two clouds of
such chunks: a window's, and the anchor tracks' (held-out works that the test leaves out, never
the window's own track). Source: Wei et al. 2025.

Conventions: chunks are float64 [n, K, V]. The cosine is taken a codebook at a time and averaged
over codebooks, so that the codebook with the largest logits does not decide alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from earwitness.signals.tokens.requests import Request, SdmRequest
from earwitness.signals.tokens.signal import OncePerWindow, Passes
from earwitness.spec import Direction, FeatureSpec


class ChunkMeans:
    """Averages a batch's logits over chunks of ``frames`` frames while they pass by.

    ``add`` takes logits [batch, K, any number of frames, V] in order of time. A last chunk of
    fewer frames counts if it has at least half of them; a shorter rest is left out. Where
    windows are padded to one length, ``lengths`` says how many frames of each count.
    """

    def __init__(self, frames: int = 100, *, lengths: Sequence[int] | None = None) -> None:
        self._frames = frames
        self._lengths = lengths
        self._seen = 0
        self._sums: list[NDArray[np.float64]] = []

    def add(self, logits: Tensor) -> None:
        """Add the logits of the frames that follow the ones seen so far."""
        rest = logits.shape[2]
        while rest:
            begun = self._seen % self._frames
            taken = min(rest, self._frames - begun)
            part = self._without_padding(logits[:, :, -rest:][:, :, :taken])
            precision = torch.float64 if logits.dtype == torch.float64 else torch.float32
            total = part.sum(dim=2, dtype=precision).cpu().numpy().astype(np.float64)
            if begun:
                self._sums[-1] += total
            else:
                self._sums.append(total)
            self._seen += taken
            rest -= taken

    def windows(self) -> list[NDArray[np.float64]]:
        """The chunk means of every window of the batch, each [n, K, V]; n may be 0."""
        if not self._sums:
            return []
        sums = np.stack(self._sums, axis=1)
        starts = self._frames * np.arange(len(self._sums))
        lengths = [self._seen] * len(sums) if self._lengths is None else self._lengths
        counts = [np.clip(length - starts, 0, self._frames) for length in lengths]
        return [
            own[2 * count >= self._frames] / count[2 * count >= self._frames, None, None]
            for own, count in zip(sums, counts, strict=True)
        ]

    def _without_padding(self, logits: Tensor) -> Tensor:
        if self._lengths is None:
            return logits
        frames = torch.arange(self._seen, self._seen + logits.shape[2], device=logits.device)
        counts = frames < torch.tensor(self._lengths, device=logits.device)[:, None]
        return logits.where(counts[:, None, :, None], 0)


def mean_cosine_distance(chunks: NDArray[np.float64], cloud: NDArray[np.float64]) -> float:
    """1 − mean cos(a, b) over all pairs of chunks [n, K, V] and cloud [m, K, V], and over codebooks.

    Between 0 and 2; NaN where either is empty or a vector is zero. The mean over pairs is the
    product of the two mean directions, so it costs n + m and not n · m.

    Raises
    ------
    ValueError
        Where the two do not have the same codebooks and codes.
    """
    if chunks.ndim != 3 or chunks.shape[1:] != cloud.shape[1:]:
        raise ValueError(f"chunks {chunks.shape} and cloud {cloud.shape} do not fit [n, K, V] and [m, K, V]")
    if not len(chunks) or not len(cloud):
        return np.nan
    return float(1 - (_mean_direction(chunks) * _mean_direction(cloud)).sum(-1).mean())


@dataclass(frozen=True, slots=True)
class Sdm:
    """Mean cosine distance of the window's chunks of ``frames`` frames to the anchor tracks'; direction unknown."""

    frames: int = 100

    @property
    def specs(self) -> Sequence[FeatureSpec]:
        """One feature, ``sdm``."""
        return [FeatureSpec(name="sdm", member_is=Direction.UNKNOWN, unit="cosine distance", source="Wei 2025")]

    @property
    def needs(self) -> Sequence[Request]:
        """The distance, from whoever sees the logits."""
        return [SdmRequest(self.frames)]

    def measure(self, passes: Passes) -> Sequence[float]:
        """The distance; NaN where it was not asked for."""
        return [passes.numbers.get(SdmRequest(self.frames), np.nan)]


def _mean_direction(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean of the unit vectors [K, V]."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    unit = np.divide(vectors, length, out=np.full_like(vectors, np.nan), where=length > 0)
    return np.asarray(unit.mean(axis=0))


def sdm() -> OncePerWindow:
    """The signal as the entry point of ``earwitness.signals`` names it."""
    return OncePerWindow(Sdm())
