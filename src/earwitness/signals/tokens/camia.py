"""CAMIA, light form: how the likelihood moves along the window.

With several codebooks the series is the mean over the codebooks of each frame.
Source: Chang et al., arXiv 2409.13745 (a light form of their context-aware signals).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from earwitness.signals.tokens.signal import Passes, frame_series
from earwitness.spec import Direction, FeatureSpec

PUBLISHED_DIRECTIONS = {
    "camia/below_mean/of=log_prob": Direction.LOWER,
    "camia/below_mean/of=z_score": Direction.LOWER,
    "camia/below_running_mean/of=log_prob": Direction.HIGHER,
    "camia/below_running_mean/of=z_score": Direction.HIGHER,
    "camia/slope": Direction.LOWER,
}
"""The directions of the publication on language models: for the published procedures alone, see `Camia`."""
_FEATURES = (
    ("below_mean/of=log_prob", "share"),
    ("below_mean/of=z_score", "share"),
    ("below_running_mean/of=log_prob", "share"),
    ("below_running_mean/of=z_score", "share"),
    ("slope", "nats/frame"),
)


@dataclass(frozen=True, slots=True)
class Camia:
    """Five numbers of the series l(t) and s(t), s being Min-K %++'s standardised l; direction unknown.

    The directions published for language models (lower, lower, higher, higher, lower) do not
    hold on music: on the ground-truth target ten of the twenty per-codebook intervals exclude
    them (docs/ground-truth.md). So none is declared, and directed tests leave CAMIA out.

    Shares of frames below the window's mean and below the running mean (of the frames up
    to and including the present one), for l and for s, and the least-squares slope of l on t.
    """

    @property
    def specs(self) -> Sequence[FeatureSpec]:
        """Five features, ``camia/below_mean/of=log_prob`` … ``camia/slope``."""
        return [
            FeatureSpec(name=f"camia/{name}", member_is=Direction.UNKNOWN, unit=unit, source="arXiv 2409.13745")
            for name, unit in _FEATURES
        ]

    def measure(self, passes: Passes) -> Sequence[float]:
        """The five numbers; NaN where there are fewer than two frames."""
        scores = passes.condition
        log_prob = frame_series(scores.log_prob, scores.valid)
        z_score = frame_series(scores.z_score, scores.valid)
        if log_prob.size < 2:
            return [np.nan] * len(_FEATURES)
        return [
            float((log_prob < log_prob.mean()).mean()),
            float((z_score < z_score.mean()).mean()),
            _share_below_running_mean(log_prob),
            _share_below_running_mean(z_score),
            _slope(log_prob),
        ]


def _share_below_running_mean(series: NDArray[np.float64]) -> float:
    running = np.cumsum(series) / np.arange(1, series.size + 1)
    return float((series < running).mean())


def _slope(series: NDArray[np.float64]) -> float:
    time = np.arange(series.size) - (series.size - 1) / 2
    return float(time @ series / (time @ time))
