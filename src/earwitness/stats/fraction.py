"""How much of the suspect set was used, and which tracks look it.

Goal: a lower confidence bound for the used fraction π that is never above the truth more
often than stated, a point estimate that is labelled as one, and per-track p-values.
Conventions: scores are higher = more member-like; NaN scores are left out of set figures
and keep a NaN p-value. All of it presumes that an unused suspect track scores like a
held-out one, and the per-track figures mean nothing where the sets as wholes do not differ.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import rel_entr
from scipy.stats import beta

from earwitness.errors import EarwitnessError

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Codes = NDArray[np.intp]
_STOREY_CUT = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedFraction:
    """The used fraction π: a lower confidence bound, a point estimate, and the threshold that gave the bound.

    ``threshold`` is NaN where the bound is 0. The estimate has no guarantee; the bound has.
    """

    lower: float
    estimate: float
    threshold: float
    confidence: float


def used_fraction(
    suspect: ArrayLike,
    held_out: ArrayLike,
    *,
    confidence: float = 0.95,
    suspect_groups: ArrayLike | None = None,
    held_out_groups: ArrayLike | None = None,
    seed: int = 0,
) -> UsedFraction:
    """Return a lower confidence bound for the fraction of suspect tracks that was used.

    For the set ``A = {score > t}``: ``P_S(A) ≤ π + (1−π) P_H(A)``, so
    ``π ≥ (P_S(A) − P_H(A)) / (1 − P_H(A))``. Two bounds share the error ``δ`` equally, and
    the better one counts. *Tail*, for few but clearly used tracks: thresholds are the 1st,
    2nd, 4th … largest of ``m`` held-out scores, ``K`` in all; at the k-th, ``P_H(A)`` is at
    most ``Beta(1−η; k, m−k+1)`` whatever the distribution, and ``P_S(A)`` has a
    Clopper–Pearson limit, ``η = δ/4K`` each. *Band*, for many tracks that shift a little:
    ``P̂_S − ε_S`` and ``P̂_H + ε_H`` hold at all thresholds at once, with
    ``ε = √(u/2g)``, ``e^{−u} = δ/4`` (Dvoretzky–Kiefer–Wolfowitz).

    Parameters
    ----------
    suspect, held_out
        Track scores, higher = more member-like; from a scorer that treats both sets alike.
    confidence
        One-sided coverage ``1 − δ``, in (0, 1).
    suspect_groups, held_out_groups
        Group labels, one a score; both or neither. Every group then counts once, by its
        share above t. Tail: one random track a held-out group sets thresholds, and the limit
        of the suspects' mean share is Chernoff's, ``g·KL(share ‖ limit) = ln(1/η)``.
        Band: ``u·e^{1−u} = δ/4``.
    seed
        Fixes the held-out tracks drawn; without effect where no group has two.

    Returns
    -------
    UsedFraction
        In tracks, or with groups as the mean over groups of a group's used share.

    Raises
    ------
    EarwitnessError
        If a set has no score or the confidence is outside (0, 1).

    Notes
    -----
    Clopper & Pearson (1934); Hoeffding (1963) for means of variables in [0, 1]; Massart
    (1990). The band for groups: one track a group makes g independent draws, the group
    average is the mean over such draws, and Jensen's inequality for ``exp(c·D²)`` carries
    the bound over at the stated price.
    """
    if not 0 < confidence < 1:
        raise EarwitnessError(f"confidence is {confidence:g}; it must lie between 0 and 1, for instance 0.95.")
    if (suspect_groups is None) != (held_out_groups is None):
        raise ValueError("give groups for both sides, or for neither")
    s, codes_s = _coded(suspect, suspect_groups, "suspect")
    h, codes_h = _coded(held_out, held_out_groups, "held-out")
    rng = np.random.default_rng(seed)
    error = (1 - confidence) / 2
    lower, threshold = max(
        _tail_bound(s, codes_s, h, codes_h, error, rng), _band_bound(s, codes_s, h, codes_h, error), key=lambda b: b[0]
    )
    return UsedFraction(
        lower=max(lower, 0.0),
        estimate=storey_estimate(conformal_p_values(s, h)),
        threshold=threshold if lower > 0 else float("nan"),
        confidence=confidence,
    )


def conformal_p_values(suspect: ArrayLike, held_out: ArrayLike) -> Floats:
    """Return, per suspect track, ``p_i = (1 + #{h ≥ s_i}) / (m + 1)``: small = scores like no held-out track.

    Parameters
    ----------
    suspect, held_out
        Track scores, higher = more member-like; ``m`` held-out tracks have one.

    Returns
    -------
    ndarray
        ``[n]``; NaN where the score is.

    Notes
    -----
    Bates et al., arXiv 2104.08279: valid one by one, and positively dependent in the way
    that Benjamini–Hochberg allows, for independent tracks.

    Examples
    --------
    >>> conformal_p_values([3.0, 1.0], [0.0, 1.0, 2.0]).tolist()
    [0.25, 0.75]
    """
    s, h = np.asarray(suspect, dtype=np.float64).ravel(), _scores(held_out)
    at_least = len(h) - np.searchsorted(h, s, side="left")
    return np.where(np.isnan(s), np.nan, (1 + at_least) / (len(h) + 1))


def storey_estimate(p_values: ArrayLike) -> float:
    """Return Storey's estimate of the share of tracks that are not null, ``1 − #{p > ½} / (n/2)``, within [0, 1].

    A point estimate: biased low where used tracks score like held-out ones, without any
    guarantee. NaN p-values are left out; NaN without any.
    """
    p = _scores(p_values)
    if not len(p):
        return float("nan")
    return float(np.clip(1 - (p > _STOREY_CUT).mean() / (1 - _STOREY_CUT), 0, 1))


def benjamini_hochberg(p_values: ArrayLike) -> Floats:
    """Return adjusted p-values: the tracks with ``q ≤ α`` hold at most a share α of false ones, on average.

    ``q_(i) = min_{j ≥ i} n·p_(j)/j``, at most 1. NaN stays NaN and is not counted in ``n``.

    Examples
    --------
    >>> benjamini_hochberg([0.01, 0.04, 0.03, 0.5]).round(4).tolist()
    [0.04, 0.0533, 0.0533, 0.5]
    """
    p = np.asarray(p_values, dtype=np.float64).ravel()
    adjusted = np.full(len(p), np.nan)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")[::-1]]
    ranks = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum.accumulate(np.minimum(p[order] * len(order) / ranks, 1.0))
    return adjusted


def _scores(values: ArrayLike) -> Floats:
    """Return the scores that exist, in increasing order."""
    x = np.asarray(values, dtype=np.float64).ravel()
    return np.sort(x[~np.isnan(x)])


def _coded(scores: ArrayLike, groups: ArrayLike | None, side: str) -> tuple[Floats, Codes]:
    """Return the scores that exist and the numbers of their groups."""
    x = np.asarray(scores, dtype=np.float64).ravel()
    labels = np.arange(len(x)) if groups is None else np.asarray(groups).ravel()
    if len(labels) != len(x):
        raise ValueError("there must be one group label a score")
    known = ~np.isnan(x)
    if not known.any():
        raise EarwitnessError(f"No {side} track has a score; the used fraction needs some on both sides.")
    return x[known], np.unique(labels[known], return_inverse=True)[1]


def _tail_bound(
    s: Floats, codes_s: Codes, h: Floats, codes_h: Codes, error: float, rng: np.random.Generator
) -> tuple[float, float]:
    """Return the best bound over thresholds at few held-out scores, and its threshold."""
    drawn = rng.permutation(len(h))
    largest_first = np.sort(h[drawn[np.unique(codes_h[drawn], return_index=True)[1]]])[::-1]
    m = len(largest_first)
    ranks = 2 ** np.arange(max(1, m.bit_length() - 1))
    each = error / (2 * len(ranks))
    thresholds = largest_first[ranks - 1]
    high = beta.isf(each, ranks, m - ranks + 1)
    low = np.array([_lowest_share(s > threshold, codes_s, each) for threshold in thresholds])
    bounds = (low - high) / (1 - high)
    best = int(np.argmax(bounds))
    return float(bounds[best]), float(thresholds[best])


def _band_bound(s: Floats, codes_s: Codes, h: Floats, codes_h: Codes, error: float) -> tuple[float, float]:
    """Return the best bound over all thresholds between scores, and its threshold."""
    thresholds = np.unique(np.concatenate([s, h]))
    groups_s, groups_h = int(codes_s.max()) + 1, int(codes_h.max()) + 1
    u = -np.log(error / 2)
    if groups_s < len(s) or groups_h < len(h):
        u = brentq(lambda v: v - np.log(v) - 1 + np.log(error / 2), 1.0, 3 * u + 3)
    low = _share_above(s, codes_s, thresholds) - np.sqrt(u / (2 * groups_s))
    high = np.minimum(_share_above(h, codes_h, thresholds) + np.sqrt(u / (2 * groups_h)), 1.0)
    bounds = np.full(len(thresholds), -1.0)
    np.divide(low - high, 1 - high, out=bounds, where=high < 1)
    best = int(np.argmax(bounds))
    return float(bounds[best]), float(thresholds[best])


def _share_above(scores: Floats, codes: Codes, thresholds: Floats) -> Floats:
    """Return the mean over groups of a group's share above each threshold."""
    sizes = np.bincount(codes)
    weights = 1 / (sizes[codes] * len(sizes))
    order = np.argsort(scores)
    up_to = np.concatenate([[0.0], np.cumsum(weights[order])])
    shares: Floats = 1 - up_to[np.searchsorted(scores[order], thresholds, side="right")]
    return shares


def _lowest_share(above: Bools, codes: Codes, error: float) -> float:
    """Return the lower limit of the share above, which fails with at most this probability."""
    shares = np.bincount(codes, above) / np.bincount(codes)
    count, share = len(shares), float(shares.mean())
    if share == 0:
        return 0.0
    if count == len(codes):
        above_count = int(above.sum())
        return float(beta.ppf(error, above_count, count - above_count + 1))

    def excess(limit: float) -> float:
        divergence = rel_entr(share, limit) + rel_entr(1 - share, 1 - limit)
        return float(count * divergence + np.log(error))

    # At the share itself the divergence is 0, near 0 it grows beyond any bound.
    return float(brentq(excess, share * np.exp(-1 - 1 / share * (1 - np.log(error))), share))
