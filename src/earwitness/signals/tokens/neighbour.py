"""Neighbourhood comparison: a window against slightly changed copies of itself.

Training raises the likelihood of the very tokens that were trained on more than that of their
neighbours. Source: Mattern et al., arXiv 2305.18462; the audio changes are this project's own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from earwitness.signals.tokens.requests import AudioNeighbourRequest, NeighbourRequest, Request
from earwitness.signals.tokens.scores import TokenScores
from earwitness.signals.tokens.signal import Passes
from earwitness.spec import Direction, FeatureSpec

NOISE = ("noise=-40dB",)
OTHER_CHANGES = ("gain=-3dB", "pitch=+10cents", "pitch=-10cents", "stretch=+1%", "stretch=-1%", "low_pass=80%")


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Mean l(z) minus the mean l of copies with a share of their tokens exchanged; a member's is higher.

    A token gives way to a random other one of the same codebook of the same window, so the copy
    has the window's own tokens at wrong places. ``draws`` copies, one forward pass each.
    """

    share: float = 0.1
    draws: int = 2

    @property
    def specs(self) -> Sequence[FeatureSpec]:
        """One feature, ``neighbour/by=tokens``."""
        return [_spec("tokens")]

    @property
    def needs(self) -> Sequence[Request]:
        """One pass per copy."""
        return [NeighbourRequest(self.share, draw) for draw in range(self.draws)]

    def measure(self, passes: Passes) -> Sequence[float]:
        """The difference; NaN where a copy was not scored."""
        return [_mean_log_prob(passes.condition) - float(np.mean([_answer(passes, need) for need in self.needs]))]


@dataclass(frozen=True, slots=True)
class AudioNeighbour:
    """Mean l(z) minus the mean l of the window's audio, changed and encoded again; a member's is higher.

    One feature per change, one encoding and one forward pass each. Noise far below the music moves only the
    tokens that lie near a border of the codec, and on the ground truth tells most.
    """

    changes: tuple[str, ...] = NOISE

    @property
    def specs(self) -> Sequence[FeatureSpec]:
        """``neighbour/by=noise=-40dB`` and so on."""
        return [_spec(change) for change in self.changes]

    @property
    def needs(self) -> Sequence[Request]:
        """One pass per change."""
        return [AudioNeighbourRequest(change) for change in self.changes]

    def measure(self, passes: Passes) -> Sequence[float]:
        """The differences; NaN where a copy was not scored."""
        return [_mean_log_prob(passes.condition) - _answer(passes, need) for need in self.needs]


def neighbour_audio() -> AudioNeighbour:
    """The audio neighbours that presets do without, as the entry point of ``earwitness.signals`` names them."""
    return AudioNeighbour(OTHER_CHANGES)


def _spec(by: str) -> FeatureSpec:
    return FeatureSpec(name=f"neighbour/by={by}", member_is=Direction.HIGHER, unit="nats", source="arXiv 2305.18462")


def _answer(passes: Passes, need: Request) -> float:
    scores = passes.extra.get(need)
    return np.nan if scores is None else _mean_log_prob(scores)


def _mean_log_prob(scores: TokenScores) -> float:
    values: NDArray[np.float64] = scores.log_prob[scores.valid]
    return float(values.mean()) if values.size else np.nan
