"""The shape of one likelihood series: what CAMIA measures of a window, and of each copy of it.

Conventions: a series is float64 [N], log-likelihoods in nats in order of time. A *head* is the
series up to a cut-off, a share of its length: early tokens have the least context, so there a
model leans most on what it remembers.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from earwitness.signals.tokens.camia_full.complexity import lempel_ziv_complexity

Series = NDArray[np.float64]
HEADS = (0.25, 0.5, 1.0)
LEVELS = (-2.0, -4.0, -6.0)
BINS = (3, 4, 5)

_HEADS = tuple(f"head={share:g}" for share in HEADS)
MEASURES = {
    **{f"loss/{head}": "nats" for head in _HEADS},
    **{f"perplexity/{head}": "" for head in _HEADS},
    **{f"above/level={level:g}": "share" for level in LEVELS},
    **{f"lempel_ziv/bins={bins}": "phrases/token" for bins in BINS},
    **{f"below_mean/{head}": "share" for head in _HEADS},
    **{f"loss_per_diversity/{head}": "nats" for head in _HEADS},
    **{f"perplexity_per_diversity/{head}": "" for head in _HEADS},
}
"""The names that ``shape`` gives, and their units."""


@dataclass(frozen=True, slots=True)
class Heads:
    """The heads of a window: their lengths [3], and the share of distinct tokens in each [3]."""

    lengths: NDArray[np.int64]
    diversity: Series


def heads(codes: NDArray[np.int64], valid: NDArray[np.bool_]) -> Heads:
    """The heads of tokens [K, T], frames without a valid one left out; diversity is the mean over codebooks.

    A head's diversity is the number of different tokens in it over the number of tokens.
    """
    kept = valid.any(axis=0)
    codes, valid = codes[:, kept], valid[:, kept]
    lengths = np.maximum(1, (np.array(HEADS) * codes.shape[1] + 1e-9).astype(np.int64))
    new = np.zeros(codes.shape, dtype=np.bool_)
    for row, own, counts in zip(new, codes, valid, strict=True):
        places = np.flatnonzero(counts)
        row[places[np.unique(own[places], return_index=True)[1]]] = True
    share = new.cumsum(axis=1)[:, lengths - 1] / np.maximum(1, valid.cumsum(axis=1)[:, lengths - 1])
    return Heads(lengths, share.mean(axis=0))


def shape(series: Series, cut: Heads) -> Series:
    """The ``MEASURES`` of a series [N], in their order.

    loss = −mean l and perplexity = exp(loss) of each head; share of tokens with l ≥ each level;
    Lempel-Ziv complexity at each number of bins; share below the head's mean; loss and
    perplexity over the head's diversity of tokens.
    """
    means = series.cumsum()[cut.lengths - 1] / cut.lengths
    loss, perplexity = -means, np.exp(-means)
    return np.concatenate(
        [
            loss,
            perplexity,
            [np.mean(series >= level) for level in LEVELS],
            [lempel_ziv_complexity(series, bins) for bins in BINS],
            [np.mean(series[:n] < mean) for n, mean in zip(cut.lengths, means, strict=True)],
            loss / cut.diversity,
            perplexity / cut.diversity,
        ]
    )


def below_running_mean(series: Series, cut: Heads) -> list[float]:
    """Share of each head's tokens, but the first, that lie below the mean of those before them."""
    running = series.cumsum()[:-1] / np.arange(1, series.size)
    below = series[1:] < running
    return [float(below[: n - 1].mean()) if n > 1 else np.nan for n in cut.lengths]


def slope(series: Series) -> float:
    """Least-squares slope of a series on time, in nats per frame."""
    time = np.arange(series.size) - (series.size - 1) / 2
    return float(time @ series / (time @ time))
