"""Token neighbours: a window with a share of its tokens exchanged for others of its own."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from earwitness.measure.passes.batch import Answer, Batch, rng_for, scores
from earwitness.signals.tokens.requests import NeighbourRequest, Request
from earwitness.targets.protocols import AnyTarget


@dataclass(frozen=True, slots=True, kw_only=True)
class NeighbourPass:
    """Answers ``NeighbourRequest``: tokens give way to random ones of the same codebook and window."""

    seed: int

    def answers(self, request: Request) -> bool:
        """Whether the request is for a copy with exchanged tokens."""
        return isinstance(request, NeighbourRequest)

    def ask(self, target: AnyTarget, batch: Batch, request: Request) -> Sequence[Answer | None]:
        """Scores of the copies, of their own tokens."""
        if not isinstance(request, NeighbourRequest):
            return [None] * len(batch.keys)
        codes = batch.codes.clone()
        for window, length, key in zip(codes, batch.lengths, batch.keys, strict=True):
            rng = rng_for(self.seed, key, f"resampled {request.share:g} {request.draw}")
            for row in window:
                places = torch.from_numpy(rng.permutation(length)[: max(1, round(request.share * length))])
                row[places] = row[torch.from_numpy(rng.integers(length, size=len(places)))]
        return scores(target, replace(batch, codes=codes))
