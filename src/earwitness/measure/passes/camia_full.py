"""A window followed by copies of itself: what the model learns from having just read it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from earwitness.measure.passes.batch import Answer, Batch, frame_limit, scores
from earwitness.signals.tokens.requests import CamiaFullRequest, Request
from earwitness.targets.protocols import AnyTarget, TokenTarget


@dataclass(frozen=True, slots=True)
class CamiaFullPass:
    """Answers ``CamiaFullRequest``; scores have no answer, since their conditions hold for their own bars alone."""

    def answers(self, request: Request) -> bool:
        """Whether the request is a repetition."""
        return isinstance(request, CamiaFullRequest)

    def ask(self, target: AnyTarget, batch: Batch, request: Request) -> Sequence[Answer | None]:
        """Scores of the last copy."""
        if not isinstance(target, TokenTarget) or not isinstance(request, CamiaFullRequest):
            return [None] * len(batch.keys)
        limit = frame_limit(target)
        frames = batch.codes.shape[2]
        kept = frames if limit is None else min(frames, limit // request.copies)
        codes = batch.codes[:, :, :kept].repeat(1, 1, request.copies)
        total = kept * request.copies
        repeated = replace(batch, codes=codes, lengths=(total,) * len(batch.keys))
        return [found.frames(total - kept, total) for found in scores(target, repeated)]
