"""The area under the ROC curve, with an interval that knows about groups.

Goal: one estimate of "how often does a member outscore a non-member?" and an honest
interval for it. Conventions: scores are higher = more member-like; ties count one half;
NaN scores are left out (they stay missing); an AUC that cannot be computed is NaN.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit
from scipy.stats import norm, rankdata

from earwitness.types import Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Auc:
    """An AUC with its confidence limits and the variance of the estimate; NaN where undefined."""

    estimate: float
    low: float
    high: float
    variance: float


def placements(positive: Floats, negative: Floats) -> tuple[Floats, Floats]:
    """Return, for each score, the share of the other side that it beats (a tie beats half).

    ``V_i = mean_j [x_i > y_j] + ½[x_i = y_j]`` for positives and the mirror image (share of
    positives above) for negatives; both average to the AUC. Computed from midranks in O(n log n).
    """
    m, n = len(positive), len(negative)
    ranks = rankdata(np.concatenate([positive, negative]))
    above = (ranks[:m] - rankdata(positive)) / n
    below = 1 - (ranks[m:] - rankdata(negative)) / m
    return above, below


def auc_delong(
    positive: ArrayLike,
    negative: ArrayLike,
    *,
    confidence: float = 0.95,
    positive_groups: ArrayLike | None = None,
    negative_groups: ArrayLike | None = None,
) -> Auc:
    """Return the AUC of two sets of scores with DeLong's variance, clustered where groups are given.

    ``AUC = P(x > y) + ½ P(x = y)``. With placements ``V`` (see `placements`) and ``I`` groups
    of the positives, ``var = I/((I−1) m²) Σ_g (Σ_{i∈g} (V_i − AUC))² +`` the same for the
    negatives, plus twice the cross term for a group that has tracks on both sides. With one
    track per group this is DeLong's variance. The interval is symmetric on the logit scale, so
    it stays inside [0, 1]; at an AUC of exactly 0 or 1 the estimate is its own near limit and
    the far limit is the exact one for perfect separation of ``min(groups)`` pairs.

    Parameters
    ----------
    positive, negative
        Scores of members (or suspects) and of non-members (or held-out tracks),
        higher = more member-like; NaN scores are left out.
    confidence
        Coverage of the interval, in (0, 1).
    positive_groups, negative_groups
        Group labels, one a score (album, session); both or neither. Without them each
        score is its own group.

    Returns
    -------
    Auc
        ``estimate``, ``low``, ``high`` and ``variance``; all NaN with an empty side, and an
        interval of NaN with fewer than two groups on a side.

    Raises
    ------
    ValueError
        If one side alone has groups, lengths differ, or the confidence is outside (0, 1).

    Notes
    -----
    DeLong et al. (1988); Sun & Xu (2014) for midranks; Obuchowski (1997) for clusters.

    Examples
    --------
    >>> round(auc_delong([2.0, 3.0, 4.0], [1.0, 2.0, 0.0]).estimate, 4)
    0.9444
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie in (0, 1), not {confidence}")
    if (positive_groups is None) != (negative_groups is None):
        raise ValueError("give groups for both sides, or for neither")
    x, x_codes, y, y_codes = _clean(positive, negative, positive_groups, negative_groups)
    nan = float("nan")
    if not len(x) or not len(y):
        return Auc(estimate=nan, low=nan, high=nan, variance=nan)
    above, below = placements(x, y)
    estimate = float(above.mean())
    groups_x, groups_y = len(np.unique(x_codes)), len(np.unique(y_codes))
    if groups_x < 2 or groups_y < 2:
        return Auc(estimate=estimate, low=nan, high=nan, variance=nan)
    size = int(max(x_codes.max(), y_codes.max())) + 1
    sum_x = np.bincount(x_codes, above - estimate, size) / len(x)
    sum_y = np.bincount(y_codes, below - estimate, size) / len(y)
    variance = float(
        groups_x / (groups_x - 1) * sum_x @ sum_x + groups_y / (groups_y - 1) * sum_y @ sum_y + 2 * sum_x @ sum_y
    )
    variance = max(variance, 0.0)
    low, high = _limits(estimate, variance, min(groups_x, groups_y), confidence)
    return Auc(estimate=estimate, low=low, high=high, variance=variance)


def _clean(
    positive: ArrayLike, negative: ArrayLike, positive_groups: ArrayLike | None, negative_groups: ArrayLike | None
) -> tuple[Floats, NDArray[np.intp], Floats, NDArray[np.intp]]:
    """Drop NaN scores and code the groups of both sides as integers of one range."""
    x, y = np.asarray(positive, dtype=np.float64).ravel(), np.asarray(negative, dtype=np.float64).ravel()
    if positive_groups is None or negative_groups is None:
        codes = np.arange(len(x) + len(y))
    else:
        labels = [np.asarray(positive_groups).ravel(), np.asarray(negative_groups).ravel()]
        if len(labels[0]) != len(x) or len(labels[1]) != len(y):
            raise ValueError("there must be one group label a score")
        codes = np.unique(np.concatenate(labels), return_inverse=True)[1]
    keep_x, keep_y = ~np.isnan(x), ~np.isnan(y)
    return x[keep_x], codes[: len(x)][keep_x], y[keep_y], codes[len(x) :][keep_y]


def _limits(estimate: float, variance: float, fewer_groups: int, confidence: float) -> tuple[float, float]:
    """Return limits on the logit scale, or the exact one-sided limit where the sets do not overlap."""
    tail = (1 - confidence) / 2
    if estimate in (0.0, 1.0):
        # No overlap leaves no variance to work with; pairs of groups give an exact limit.
        margin = 1 - tail ** (1 / fewer_groups)
        return (1 - margin, 1.0) if estimate == 1.0 else (0.0, margin)
    half = float(norm.isf(tail)) * np.sqrt(variance) / (estimate * (1 - estimate))
    centre = logit(estimate)
    return float(expit(centre - half)), float(expit(centre + half))
