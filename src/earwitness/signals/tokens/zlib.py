"""Zlib: the loss, divided by how compressible the tokens are on their own.

A repetitive window has a low loss under any model; dividing by its compressed length
sets the model's surprise against that. Source: Carlini et al., arXiv 2012.07805.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from earwitness.signals.tokens.signal import Passes
from earwitness.spec import Direction, FeatureSpec

Coding = Literal["uint16", "list"]


@dataclass(frozen=True, slots=True)
class Zlib:
    """(−mean l) / len(zlib(token bytes)), in nats per byte; a member's is lower.

    ``coding``: tokens as little-endian uint16 (default), or as a list is printed, with
    brackets and commas (``[17, 4, 902]``), which is what the published code compresses.
    """

    coding: Coding = "uint16"

    @property
    def specs(self) -> Sequence[FeatureSpec]:
        """One feature: ``zlib``, or ``zlib/coding=list``."""
        name = "zlib" if self.coding == "uint16" else f"zlib/coding={self.coding}"
        return [FeatureSpec(name=name, member_is=Direction.LOWER, unit="nats/byte", source="arXiv 2012.07805")]

    def measure(self, passes: Passes) -> Sequence[float]:
        """The ratio over valid tokens, codebook after codebook; NaN where there is none."""
        scores = passes.condition
        values = scores.log_prob[scores.valid]
        if not values.size:
            return [np.nan]
        return [float(-values.mean()) / len(zlib.compress(self._encode(scores.codes[scores.valid])))]

    def _encode(self, codes: NDArray[np.int64]) -> bytes:
        if self.coding == "uint16":
            return codes.astype("<u2").tobytes()
        return str(codes.tolist()).encode()
