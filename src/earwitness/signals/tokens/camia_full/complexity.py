"""How irregular a series is: Lempel-Ziv complexity and approximate entropy.

Conventions: a series is float64 [N] in order of time; higher is more irregular.
"""

import numpy as np
from numpy.typing import NDArray

Series = NDArray[np.float64]
Bits = NDArray[np.uint64]


def lempel_ziv_complexity(series: Series, bins: int) -> float:
    """Phrases of the Lempel-Ziv (1978) parse a value, after binning into equal widths min … max.

    A phrase is the shortest run of bins from where the last one ended that has not been a phrase
    yet; an unfinished one at the end does not count. NaN for an empty series.
    """
    if not series.size:
        return np.nan
    # The phrases form a tree: a node is a phrase, and a phrase of one more bin is its child.
    children: dict[int, int] = {}
    node = 0
    for symbol in _binned(series, bins).tolist():
        branch = node * bins + symbol
        node = children.get(branch, 0)
        if not node:
            children[branch] = len(children) + 1
    return len(children) / series.size


def approximate_entropy(series: Series, *, length: int, tolerance: float) -> float:
    """Pincus' approximate entropy ApEn = Φ(m) − Φ(m + 1), in nats; m is ``length``.

    Φ(m) = mean over i of the log of the share of runs of m values, i's own among them, that stay
    within r of the run at i throughout; r is ``tolerance`` standard deviations of the series.
    NaN where there is no run of m + 1 values.

    Raises
    ------
    ValueError
        Where m is not from 1 to 63.
    """
    if not 1 <= length < 64:
        raise ValueError(f"runs of {length} values were asked for; 1 to 63 can be compared")
    if series.size <= length:
        return np.nan
    near = runs = _near(series, tolerance * float(series.std()))
    done = 1
    while done < length:
        step = min(done, length - done)
        runs, done = _chained(runs, runs, step), done + step
    return _phi(runs) - _phi(_chained(runs, near, length))


def _binned(series: Series, bins: int) -> NDArray[np.int64]:
    low, high = float(series.min()), float(series.max())
    if low == high:
        return np.zeros(series.size, dtype=np.int64)
    return np.minimum(((series - low) * (bins / (high - low))).astype(np.int64), bins - 1)


def _near(series: Series, radius: float) -> Bits:
    """Whether |x_i − x_j| ≤ radius: bit j of row i, [N, ⌈N / 64⌉].

    In ascending order the values near x_i are an unbroken stretch: those up to its end, without
    those before its beginning. So one set of bits a place in that order does for all pairs.
    """
    order = np.argsort(series, kind="stable")
    before = np.zeros((series.size + 1, -(-series.size // 64)), dtype=np.uint64)
    before[np.arange(1, len(before)), order // 64] = np.uint64(1) << (order % 64).astype(np.uint64)
    np.bitwise_or.accumulate(before, axis=0, out=before)
    begin = np.searchsorted(series[order], series - radius, side="left")
    end = np.searchsorted(series[order], series + radius, side="right")
    return np.asarray(before[end] ^ before[begin])


def _chained(runs: Bits, onward: Bits, places: int) -> Bits:
    """Runs that stay near and do so again, as ``onward`` has it, that many places later; 1 to 63."""
    later = onward[places:] >> np.uint64(places)
    later[:, :-1] |= onward[places:, 1:] << np.uint64(64 - places)
    later &= runs[: len(later)]
    return later


def _phi(runs: Bits) -> float:
    counts = np.bitwise_count(runs).sum(axis=1, dtype=np.int64)
    return float(np.log(counts / len(runs)).mean())
