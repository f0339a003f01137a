"""ReCaLL: what a foreign prefix does to the likelihood of a window.

A member loses likelihood behind a prefix the model was not trained with.
Source: Xie et al., arXiv 2406.15968.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from earwitness.signals.tokens.requests import RecallRequest, Request
from earwitness.signals.tokens.signal import Passes
from earwitness.spec import Direction, FeatureSpec


@dataclass(frozen=True, slots=True)
class Recall:
    """Mean l(z | prefix) / mean l(z) over the same tokens; both are negative, a member's ratio is higher.

    The prefix is the beginning of an anchor track: a work that was certainly not trained on and
    that the test leaves out.
    """

    request: RecallRequest = field(default_factory=RecallRequest)

    @property
    def specs(self) -> Sequence[FeatureSpec]:
        """One feature, ``recall``."""
        return [FeatureSpec(name="recall", member_is=Direction.HIGHER, unit="ratio", source="arXiv 2406.15968")]

    @property
    def needs(self) -> Sequence[Request]:
        """The pass behind the prefix."""
        return [self.request]

    def measure(self, passes: Passes) -> Sequence[float]:
        """The ratio; NaN without a prefixed pass or where the model is certain of every token."""
        behind = passes.extra.get(self.request)
        if behind is None:
            return [np.nan]
        plain = passes.condition.frames(0, behind.codes.shape[1])
        valid = plain.valid & behind.valid
        alone = plain.log_prob[valid].sum()
        return [float(behind.log_prob[valid].sum() / alone) if alone else np.nan]
