"""ReCaLL's pass: a window behind the beginning of an anchor, a work that was certainly not trained on.

Both sides of the test meet the same anchor.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from earwitness.errors import EarwitnessError
from earwitness.measure.passes.batch import Answer, Batch, Window, encode, frame_limit, scores
from earwitness.signals.tokens.requests import RecallRequest, Request
from earwitness.targets.protocols import AnyTarget, TokenTarget


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RecallPass:
    """Answers ``RecallRequest`` with the beginning of an anchor, codes [1, K, T].

    A window of a score has no answer: its condition holds for its own bars alone.
    """

    anchor: Tensor

    @classmethod
    def of(cls, target: AnyTarget, anchors: Sequence[Window]) -> "RecallPass":
        """With the first of the anchors."""
        with torch.inference_mode():
            return cls(anchor=encode(target, anchors[:1]).codes)

    def answers(self, request: Request) -> bool:
        """Whether the request is for a prefixed pass."""
        return isinstance(request, RecallRequest)

    def ask(self, target: AnyTarget, batch: Batch, request: Request) -> Sequence[Answer | None]:
        """Scores of the window's beginning behind the prefix."""
        if not isinstance(target, TokenTarget) or not isinstance(request, RecallRequest):
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
