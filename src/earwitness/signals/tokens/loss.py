"""Loss: the mean negative log-likelihood of the tokens. Source: Yeom et al., arXiv 1709.01604."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from earwitness.signals.tokens.signal import Passes
from earwitness.spec import Direction, FeatureSpec


@dataclass(frozen=True, slots=True)
class Loss:
    """−mean l, in nats per token; a member's is lower."""

    @property
    def specs(self) -> Sequence[FeatureSpec]:
        """One feature, ``loss``."""
        return [FeatureSpec(name="loss", member_is=Direction.LOWER, unit="nats", source="arXiv 1709.01604")]

    def measure(self, passes: Passes) -> Sequence[float]:
        """The mean over valid tokens; NaN where there is none."""
        values = passes.condition.log_prob[passes.condition.valid]
        return [float(-values.mean()) if values.size else np.nan]
