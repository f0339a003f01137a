"""Reference models: how much better the target denoises a window than a model that cannot have seen it.

Source: Carlini et al., arXiv 2012.07805; taken as a difference, not as a ratio.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from earwitness.signals.denoising.losses import MultipleLoss
from earwitness.signals.denoising.oracle import Oracle, Pair
from earwitness.signals.denoising.signal import DenoisingSignal
from earwitness.spec import FeatureSpec


@dataclass(frozen=True, slots=True)
class Reference:
    """Every feature of ``signal`` under the target minus the same under a reference model.

    The direction is the feature's own: a member's loss falls more under the model that was trained
    on it. The reference has its own oracle over the same windows, with its own latents and schedule.
    """

    model: str
    signal: DenoisingSignal = field(default_factory=MultipleLoss)

    @property
    def specs(self) -> Sequence[FeatureSpec]:
        """``reference/of=multiple_loss/t=0.1/model=…`` and so on."""
        return [
            replace(spec, name=f"reference/of={spec.name}/model={self.model}", source="arXiv 2012.07805")
            for spec in self.signal.specs
        ]

    @property
    def pairs(self) -> Sequence[Pair]:
        """The signal's."""
        return self.signal.pairs

    def measure(self, oracle: Oracle) -> NDArray[np.float64]:
        """The differences [B, features]; NaN where the oracle has no such reference."""
        own, reference = self.signal.measure(oracle), oracle.references.get(self.model)
        if reference is None:
            return np.full_like(own, np.nan)
        reference.ask(self.pairs)
        return own - self.signal.measure(reference)
