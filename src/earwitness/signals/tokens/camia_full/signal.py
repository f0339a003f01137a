"""CAMIA, full form: the window alone, and what the model makes of it when it comes again.

A model that has just read a piece predicts its copy well whether it was trained on it or not; how
much it gains by reading tells what it did not know before. Source: Chang et al., arXiv 2409.13745.

Conventions: with several codebooks the series is the mean over the codebooks of each frame.
Copy 1 is the window itself under the plain pass, copy c the last of c in a row. Adapted from
words to codec tokens: cut-offs are shares of the window or whole copies instead of numbers of
tokens, and the levels that a token's likelihood is held against are lower.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from earwitness.signals.tokens.camia_full.complexity import approximate_entropy
from earwitness.signals.tokens.camia_full.shape import (
    HEADS,
    MEASURES,
    Heads,
    Series,
    below_running_mean,
    heads,
    shape,
    slope,
)
from earwitness.signals.tokens.requests import CamiaFullRequest, Request
from earwitness.signals.tokens.scores import TokenScores
from earwitness.signals.tokens.signal import OncePerWindow, Passes, frame_series
from earwitness.spec import Direction, FeatureSpec

_COPIES = (1, 2, 3)
_FEWEST_FRAMES = 12  # a quarter of them is the least that has a mean and a middle


@dataclass(frozen=True, slots=True)
class CamiaFull:
    """Seventy-five numbers; only loss and perplexity of the plain pass have a direction (published: lower).

    24 of the plain pass: the 21 of ``shape`` and the diversity of tokens at three cut-offs. 42
    differences: ``shape`` of copy 1 minus that of copy 2, and of copy 3. 3 shares below the running
    mean, as in the light form. 3 slopes and 3 approximate entropies (m = 8, r = 0.8 sd) of copies
    1, 1–2 and 1–3 on end.

    The other directions published for language models are of the kind that failed on music in the
    light form (docs/ground-truth.md), so they are unknown here. ``diversity`` does not ask the model
    at all. Two further passes, over two and three windows' length: with the plain one, six windows.
    """

    run_length: ClassVar[int] = 8
    tolerance: ClassVar[float] = 0.8

    @property
    def specs(self) -> Sequence[FeatureSpec]:
        """``camia_full/loss/head=0.25`` … ``camia_full/approximate_entropy/copies=3``."""
        units = {
            **MEASURES,
            **{f"diversity/head={share:g}": "share" for share in HEADS},
            **{f"{name}/minus_copy={copy}": unit for copy in _COPIES[1:] for name, unit in MEASURES.items()},
            **{f"below_running_mean/head={share:g}": "share" for share in HEADS},
            **{f"slope/copies={copies}": "nats/frame" for copies in _COPIES},
            **{f"approximate_entropy/copies={copies}": "nats" for copies in _COPIES},
        }
        return [
            FeatureSpec(name=f"camia_full/{name}", member_is=_direction(name), unit=unit, source="arXiv 2409.13745")
            for name, unit in units.items()
        ]

    @property
    def needs(self) -> Sequence[Request]:
        """The window twice in a row, and three times."""
        return [CamiaFullRequest(copies) for copies in _COPIES[1:]]

    def measure(self, passes: Passes) -> Sequence[float]:
        """The numbers; those of a copy that was not scored, or of fewer than 12 frames, are NaN."""
        plain = passes.condition
        copies = [plain, *(passes.extra.get(request) for request in self.needs)]
        lengths = {scores.codes.shape[1] for scores in copies if scores is not None}
        beginnings = {frames: _beginning(plain.frames(0, frames)) for frames in lengths}
        whole = beginnings[plain.codes.shape[1]]
        if whole is None:
            return [np.nan] * len(self.specs)
        chains = [_chain(copies[:n], plain.valid) for n in _COPIES]
        irregular = partial(approximate_entropy, length=self.run_length, tolerance=self.tolerance)
        return [
            *whole.shape,
            *whole.heads.diversity,
            *(number for copy in copies[1:] for number in _lost(copy, beginnings)),
            *below_running_mean(whole.series, whole.heads),
            *(np.nan if chain is None else slope(chain) for chain in chains),
            *(np.nan if chain is None else irregular(chain) for chain in chains),
        ]


@dataclass(frozen=True, slots=True)
class _Beginning:
    """The first frames of the window under the plain pass; ``valid`` are the positions that count, in copies too."""

    valid: NDArray[np.bool_]
    series: Series
    heads: Heads
    shape: Series


def _beginning(scores: TokenScores) -> _Beginning | None:
    series = frame_series(scores.log_prob, scores.valid)
    if series.size < _FEWEST_FRAMES:
        return None
    cut = heads(scores.codes, scores.valid)
    return _Beginning(scores.valid, series, cut, shape(series, cut))


def _lost(copy: TokenScores | None, beginnings: Mapping[int, _Beginning | None]) -> Series:
    """``shape`` of copy 1 minus that of another, over the frames that both have."""
    same = None if copy is None else beginnings[copy.codes.shape[1]]
    if copy is None or same is None:
        return np.full(len(MEASURES), np.nan)
    return same.shape - shape(frame_series(copy.log_prob, same.valid), same.heads)


def _chain(copies: Sequence[TokenScores | None], valid: NDArray[np.bool_]) -> Series | None:
    """The series of copies on end, each over the frames that all have; ``None`` where one lacks or is too short."""
    scored = [scores for scores in copies if scores is not None]
    frames = min(scores.codes.shape[1] for scores in scored)
    series = [frame_series(scores.log_prob[:, :frames], valid[:, :frames]) for scores in scored]
    return np.concatenate(series) if len(scored) == len(copies) and series[0].size >= _FEWEST_FRAMES else None


def _direction(name: str) -> Direction:
    plain = name.startswith(("loss/", "perplexity/")) and "minus_copy" not in name
    return Direction.LOWER if plain else Direction.UNKNOWN


def camia_full() -> OncePerWindow:
    """The signal as the entry point of ``earwitness.signals`` names it."""
    return OncePerWindow(CamiaFull())
