"""The contract of a denoising signal.

A signal is a frozen dataclass whose fields are its settings. It names its features (``specs``)
and the (level, draw) pairs it will look at (``pairs``), so that those of all signals are asked
together; what it asks beyond them (a chain, a changed latent) it asks the oracle itself.
"""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from earwitness.signals.denoising.oracle import Oracle, Pair
from earwitness.spec import Direction, FeatureSpec

TENTHS = tuple(k / 10 for k in range(10))
"""The ten levels 0, .1 … .9."""


@runtime_checkable
class DenoisingSignal(Protocol):
    """Anything that turns a denoiser's answers about windows into named numbers."""

    @property
    def specs(self) -> Sequence[FeatureSpec]:
        """The features, in the order of ``measure``'s columns."""

    @property
    def pairs(self) -> Sequence[Pair]:
        """The noised latents it looks at, under which condition, with or without gradients."""

    def measure(self, oracle: Oracle) -> NDArray[np.float64]:
        """One row per window, one column per feature; NaN where it is not defined."""


def level_specs(signal: str, levels: Sequence[float], source: str) -> list[FeatureSpec]:
    """``signal/t=0.1`` … for a signal that has one feature per level, lower for members."""
    return [lower(f"{signal}/t={level:g}", source) for level in levels]


def lower(name: str, source: str) -> FeatureSpec:
    """A feature in units of the noise (1 = its standard deviation) that falls for members."""
    return FeatureSpec(name=name, member_is=Direction.LOWER, unit="noise sd", source=source)
