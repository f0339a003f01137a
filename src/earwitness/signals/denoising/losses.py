"""Denoising losses: how well noise added to a window is told from it.

A member's loss is lower. Sources: Carlini et al., arXiv 2301.13188 (one level);
Dubiński et al., arXiv 2411.12858 (ten levels).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from earwitness.signals.denoising.oracle import Oracle, Pair
from earwitness.signals.denoising.signal import TENTHS, level_specs
from earwitness.spec import FeatureSpec


@dataclass(frozen=True, slots=True)
class DenoisingLoss:
    """Mean over ``draws`` noises of ‖f(z_t) − ε‖, at each level; with ``common`` the same noises for every window."""

    levels: tuple[float, ...] = (0.1,)
    draws: int = 5
    common: bool = False

    @property
    def specs(self) -> Sequence[FeatureSpec]:
        """``denoising_loss/t=0.1`` …, or ``denoising_loss/common/t=0.1`` …"""
        name = "denoising_loss/common" if self.common else "denoising_loss"
        return level_specs(name, self.levels, "arXiv 2301.13188")

    @property
    def pairs(self) -> Sequence[Pair]:
        """Every draw at every level."""
        return [Pair(level, draw, common=self.common) for level in self.levels for draw in range(self.draws)]

    def measure(self, oracle: Oracle) -> NDArray[np.float64]:
        """[B, levels]; NaN at a level that adds no noise."""
        losses = np.stack([oracle.loss(pair) for pair in self.pairs], axis=1)
        return np.asarray(losses.reshape(len(losses), len(self.levels), self.draws).mean(axis=2))


@dataclass(frozen=True, slots=True)
class MultipleLoss:
    """‖f(z_t) − ε‖ at each level, the same ε at all of them."""

    levels: tuple[float, ...] = TENTHS

    @property
    def specs(self) -> Sequence[FeatureSpec]:
        """``multiple_loss/t=0`` …"""
        return level_specs("multiple_loss", self.levels, "arXiv 2411.12858")

    @property
    def pairs(self) -> Sequence[Pair]:
        """The first draw at every level."""
        return [Pair(level) for level in self.levels]

    def measure(self, oracle: Oracle) -> NDArray[np.float64]:
        """[B, levels]; NaN at a level that adds no noise."""
        return np.stack([oracle.loss(pair) for pair in self.pairs], axis=1)
