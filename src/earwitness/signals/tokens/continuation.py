"""Continuation: given a window's beginning, does the model play its true end?

The most direct sign that a model holds a piece of music is that it gives it back. What a listener
who only repeats the prompt would reach is measured beside it, since music repeats itself: the
*gain* is what the model knows beyond that.
Source: Carlini et al., arXiv 2012.07805 (extraction of training data).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from earwitness.signals.tokens.requests import ContinuationRequest, Request
from earwitness.signals.tokens.signal import OncePerWindow, Passes
from earwitness.spec import Direction, FeatureSpec

PREFIX = "continuation/"


def _spec(name: str, unit: str) -> FeatureSpec:
    return FeatureSpec(name=PREFIX + name, member_is=Direction.HIGHER, unit=unit, source="arXiv 2012.07805")


TOKEN_AGREEMENT = _spec("token_agreement", "share")
LONGEST_MATCH = _spec("longest_match", "seconds")
MATCH_GAIN = _spec("match_gain", "seconds")
SIMILARITY = _spec("similarity", "correlation")
SIMILARITY_GAIN = _spec("similarity_gain", "correlation")


@dataclass(frozen=True, slots=True)
class Continuation:
    """Agreement of the model's greedy continuation with the true one; every feature is higher for a member.

    ``token_agreement``: share of all codes that are the same. ``longest_match``: longest stretch
    without a difference in codebook 0, seconds. ``similarity``: how alike the two sound. ``match_gain``
    and ``similarity_gain``: how far the latter two exceed the best repetition of the prompt's end.

    Costs ``request.generated_share`` of the window's frames, generated one after another.
    """

    request: ContinuationRequest = field(default_factory=ContinuationRequest)

    @property
    def specs(self) -> Sequence[FeatureSpec]:
        """Five features, ``continuation/…``."""
        return [TOKEN_AGREEMENT, LONGEST_MATCH, MATCH_GAIN, SIMILARITY, SIMILARITY_GAIN]

    @property
    def needs(self) -> Sequence[Request]:
        """The continuation."""
        return [self.request]

    def measure(self, passes: Passes) -> Sequence[float]:
        """The comparison's numbers; NaN where nothing was generated."""
        found = passes.continuations.get(self.request)
        if found is None:
            return [np.nan] * len(self.specs)
        return [
            float(found.token_agreement.mean()),
            found.longest_match,
            found.longest_match - found.loop_match,
            found.similarity,
            found.similarity - found.loop_similarity,
        ]


def continuation() -> OncePerWindow:
    """The signal as the entry point of ``earwitness.signals`` names it."""
    return OncePerWindow(Continuation())
