"""CLiD: what the condition takes off the denoising loss.

A member gains more from its own prompt: the difference is more negative. Only a model that
was trained with condition dropout has a null condition to compare with.
Source: Zhai et al., arXiv 2405.20771.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from earwitness.signals.denoising.oracle import Oracle, Pair
from earwitness.signals.denoising.signal import TENTHS, level_specs
from earwitness.spec import FeatureSpec


@dataclass(frozen=True, slots=True)
class Clid:
    """‖f_c(z_t) − ε‖ − ‖f_∅(z_t) − ε‖ at each level, the same ε throughout."""

    levels: tuple[float, ...] = TENTHS

    @property
    def specs(self) -> Sequence[FeatureSpec]:
        """``clid/t=0`` …"""
        return level_specs("clid", self.levels, "arXiv 2405.20771")

    @property
    def pairs(self) -> Sequence[Pair]:
        """The first draw at every level, with the condition and without."""
        return [Pair(level, null=null) for null in (False, True) for level in self.levels]

    def measure(self, oracle: Oracle) -> NDArray[np.float64]:
        """[B, levels]; NaN without a null condition, without a prompt, or at a level that adds no noise."""
        gains = np.stack(
            [oracle.loss(Pair(level)) - oracle.loss(Pair(level, null=True)) for level in self.levels], axis=1
        )
        if oracle.conditioned is not None:
            gains[~oracle.conditioned] = np.nan
        return gains
