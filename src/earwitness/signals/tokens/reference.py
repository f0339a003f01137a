"""Reference models: how much better the target knows a window than a model that cannot have seen it.

Source: Carlini et al., arXiv 2012.07805; taken as a difference, not as a ratio.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from earwitness.signals.tokens.loss import Loss
from earwitness.signals.tokens.min_k_pp import MinKPlusPlus
from earwitness.signals.tokens.requests import ReferenceRequest, Request
from earwitness.signals.tokens.signal import Passes, TokenSignal
from earwitness.spec import FeatureSpec


@dataclass(frozen=True, slots=True)
class Reference:
    """Every feature of ``signals`` under the target minus the same under a reference model.

    The direction is the feature's own: a member's loss falls more under the model that was trained
    on it. The reference encodes the audio with its own codec; what is compared is nats per token.
    The difference of the losses is a headline (docs/design/default-question.md).
    """

    model: str
    signals: tuple[TokenSignal, ...] = (Loss(), MinKPlusPlus(shares=(0.1, 0.2)))

    @property
    def specs(self) -> Sequence[FeatureSpec]:
        """``reference/of=loss/model=…`` and so on."""
        return [
            replace(
                spec,
                name=f"reference/of={spec.name}/model={self.model}",
                source="arXiv 2012.07805",
                headline=isinstance(signal, Loss),
            )
            for signal in self.signals
            for spec in signal.specs
        ]

    @property
    def needs(self) -> Sequence[Request]:
        """The pass under the reference model."""
        return [ReferenceRequest(self.model)]

    def measure(self, passes: Passes) -> Sequence[float]:
        """The differences; NaN where the reference was not asked or has no such codebook."""
        theirs = passes.extra.get(ReferenceRequest(self.model))
        if theirs is None:
            return [np.nan] * len(self.specs)
        return [
            own - other
            for signal in self.signals
            for own, other in zip(signal.measure(passes), signal.measure(Passes(condition=theirs)), strict=True)
        ]
