"""Continuations: the target goes on from a window's beginning, and is compared with the window's end.

Conventions: both ends are heard through the target's own codec, so that only the codes differ.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from earwitness.errors import TargetError
from earwitness.measure.passes.batch import Answer, Batch
from earwitness.signals.tokens.requests import ContinuationAnswer, ContinuationRequest, Request
from earwitness.similarity import loop_similarity, looped, similarity
from earwitness.targets.protocols import AnyTarget, Continuing, TokenTarget

Codes = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ContinuationPass:
    """Answers ``ContinuationRequest``: gives the target the first frames of each window, and its own prompt."""

    def answers(self, request: Request) -> bool:
        """Whether the request is for a continuation."""
        return isinstance(request, ContinuationRequest)

    def ask(self, target: AnyTarget, batch: Batch, request: Request) -> Sequence[Answer | None]:
        """The comparison for each window; ``None`` where one is too short to be divided.

        Raises
        ------
        TargetError
            Where the target gives logits but does not generate.
        """
        if not isinstance(request, ContinuationRequest):
            return [None] * len(batch.keys)
        if not isinstance(target, Continuing) or not isinstance(target, TokenTarget):
            raise TargetError("The target's adapter does not generate, which continuation needs; leave it out.")
        frames = batch.codes.shape[2]
        known = round(request.prompt_share * frames)
        if not 0 < known < frames:
            return [None] * len(batch.keys)
        prompts = [str(condition) for condition in batch.conditions]
        whole = batch.codes.clone()
        whole[:, :, known:] = target.continue_codes(batch.codes[:, :, :known], prompts, frames - known)
        border = known * target.hop_length
        rate = target.sample_rate
        heard, made = target.decode(batch.codes), target.decode(whole)
        return [
            ContinuationAnswer(
                token_agreement=(theirs[:, known:] == own[:, known:]).mean(axis=1),
                longest_match=longest_run(theirs[0, known:] == own[0, known:]) * target.hop_length / rate,
                loop_match=_loop_run(own, known) * target.hop_length / rate,
                similarity=similarity(sound[..., border:], true[..., border:], sample_rate=rate),
                loop_similarity=loop_similarity(true[..., :border], true[..., border:], sample_rate=rate),
            )
            for own, theirs, true, sound in zip(
                batch.codes.cpu().numpy(), whole.cpu().numpy(), heard, made, strict=True
            )
        ]


def longest_run(equal: NDArray[np.bool_]) -> int:
    """Length of the longest stretch of ``True`` in [T]."""
    ends = np.flatnonzero(np.diff(np.concatenate([[False], equal, [False]])))
    return int((ends[1::2] - ends[::2]).max(initial=0))


def _loop_run(codes: Codes, known: int) -> int:
    """The longest run that the best repetition of the prompt's end has in common with the truth, codebook 0."""
    prompt, truth = codes[:1, :known], codes[:1, known:]
    return max(
        longest_run((looped(prompt, period, truth.shape[1]) == truth)[0]) for period in range(1, prompt.shape[1] + 1)
    )
