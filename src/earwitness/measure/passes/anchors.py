"""Anchors: works that were certainly not trained on, kept out of the test, as a prefix or a yardstick.

``Behind`` puts the beginning of an anchor before a window; ``Distance`` compares a window's mean
logits with those of the anchors. Both sides of the test meet the same anchors.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from earwitness.errors import EarwitnessError
from earwitness.measure.passes.batch import Answer, Batch, Window, encode, frame_limit, logits_of, scores
from earwitness.signals.tokens.requests import AnchorDistance, Prefixed, Request
from earwitness.signals.tokens.sdm import ChunkMeans, mean_cosine_distance
from earwitness.targets.protocols import AnyTarget, TokenTarget


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Behind:
    """Answers ``Prefixed`` with the beginning of an anchor, codes [1, K, T].

    A window of a score has no answer: its condition holds for its own bars alone.
    """

    anchor: Tensor

    @classmethod
    def of(cls, target: AnyTarget, anchors: Sequence[Window]) -> "Behind":
        """With the first of the anchors."""
        with torch.inference_mode():
            return cls(anchor=encode(target, anchors[:1]).codes)

    def answers(self, request: Request) -> bool:
        """Whether the request is for a prefixed pass."""
        return isinstance(request, Prefixed)

    def ask(self, target: AnyTarget, batch: Batch, request: Request) -> Sequence[Answer | None]:
        """Scores of the window's beginning behind the prefix."""
        if not isinstance(target, TokenTarget) or not isinstance(request, Prefixed):
            return [None] * len(batch.keys)
        limit = frame_limit(target)
        prefix = self.anchor[:, :, : round(request.seconds * target.sample_rate / target.hop_length)]
        behind = prefix.shape[2]
        kept = batch.codes.shape[2] if limit is None else min(batch.codes.shape[2], limit - behind)
        if kept < 1:
            raise EarwitnessError(
                f"A prefix of {request.seconds:g} s leaves no room in the target's window of {limit} frames; "
                "leave recall out."
            )
        codes = torch.cat([prefix.expand(len(batch.keys), -1, -1), batch.codes[:, :, :kept]], dim=2)
        joined = replace(batch, codes=codes, lengths=(behind + kept,) * len(batch.keys))
        return [found.frames(behind, behind + kept) for found in scores(target, joined)]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Distance:
    """Answers ``AnchorDistance`` while the plain pass goes by; ``cloud`` [m, K, V] are the anchors' chunks."""

    request: AnchorDistance
    cloud: NDArray[np.float64]

    @classmethod
    def of(cls, target: AnyTarget, anchors: Iterable[Window], request: AnchorDistance) -> "Distance":
        """From one pass over each anchor."""
        clouds = []
        with torch.inference_mode():
            for anchor in anchors:
                means = ChunkMeans(request.frames)
                for chunk in logits_of(target, encode(target, [anchor])):
                    means.add(chunk.condition)
                clouds += means.windows()
        return cls(request=request, cloud=np.concatenate(clouds))

    def answers(self, request: Request) -> bool:
        """Whether the request is for this distance to the anchors."""
        return request == self.request

    def watch(self, target: AnyTarget, batch: Batch, request: Request) -> "_Distances":
        """Begin to average the logits of a batch."""
        return _Distances(self.cloud, ChunkMeans(self.request.frames, lengths=batch.lengths))


@dataclass(frozen=True, slots=True, eq=False)
class _Distances:
    cloud: NDArray[np.float64]
    means: ChunkMeans

    def add(self, logits: Tensor) -> None:
        self.means.add(logits)

    def finish(self) -> Sequence[Answer | None]:
        return [mean_cosine_distance(chunks, self.cloud) for chunks in self.means.windows()]
