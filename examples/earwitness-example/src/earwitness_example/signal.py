"""How often the model's first choice is the token that is there."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from earwitness.signals.tokens.signal import Passes
from earwitness.spec import Direction, FeatureSpec


@dataclass(frozen=True, slots=True)
class TopChoice:
    """Share of tokens whose margin over the best rival exceeds ``margin``; a member's is higher."""

    margin: float = 0.0

    @property
    def specs(self) -> Sequence[FeatureSpec]:
        """One feature, ``top_choice``."""
        return [FeatureSpec(name="top_choice", member_is=Direction.HIGHER, unit="share", source="this example")]

    def measure(self, passes: Passes) -> Sequence[float]:
        """The share over valid tokens; NaN where there is none."""
        margins = passes.condition.margin[passes.condition.valid]
        return [float((margins > self.margin).mean()) if margins.size else np.nan]
