"""How much of the suspect set was used, and which tracks look it.

Goal: a lower confidence bound for the share of suspect *tracks* that was used, never above
the truth more often than stated, a point estimate that is labelled as one, and per-track
p-values. Conventions: scores are higher = more member-like; NaN scores are left out of set
figures and keep a NaN p-value. All of it presumes that an unused suspect track scores like
a held-out one, whatever the size of its group; where the sets differ without the model, or
do not differ as wholes, none of it means anything.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.special import betainc, rel_entr
from scipy.stats import beta

from earwitness.errors import EarwitnessError
from earwitness.types import Bools, Floats, Ints

_STOREY_CUT = 0.5
_RANKS = (1 / 8, 1 / 4, 1 / 2, 3 / 4)
"""Thresholds as shares of the held-out scores above them; the largest score is one more."""
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(24)


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedFraction:
    """The share π of the suspect tracks that was used: a lower confidence bound and a point estimate.

    Attributes
    ----------
    lower
        Of all suspect tracks at least this share was used, with one-sided confidence ``confidence``.
    estimate
        Storey's, without guarantee; ``None`` where there is none.
    threshold
        The score that gave the bound; ``None`` where the bound is 0.
    """

    lower: float
    estimate: float | None
    threshold: float | None = None
    confidence: float = 0.95


def used_fraction(
    suspect: ArrayLike,
    held_out: ArrayLike,
    *,
    confidence: float = 0.95,
    suspect_groups: ArrayLike | None = None,
    held_out_groups: ArrayLike | None = None,
    seed: int = 0,
) -> UsedFraction:
    """Return a lower confidence bound for the share of suspect tracks that was used.

    At a threshold t an unused track lies above with probability q, so at most ``π + (1−π) q`` of the
    suspects do, on average. With t the k-th largest of m held-out scores, q is at most ``Beta(k, m−k+1)``
    whatever the distribution, and the chance of the suspects' count is averaged over it: π is excluded where
    ``E_q P(N ≥ n | π + (1−π) q) ≤ δ/K``. The best of K thresholds counts: the largest held-out score, and
    those with 1/8, 1/4, 1/2 and 3/4 of them above. The low ones see many tracks that shift a little, the
    high ones few that shift much.

    Parameters
    ----------
    suspect, held_out
        Track scores, higher = more member-like; from a scorer that treats both sets alike.
    confidence
        One-sided coverage ``1 − δ``, in (0, 1).
    suspect_groups, held_out_groups
        Group labels, one a score; both or neither. Groups are independent, their tracks are not: one random
        track a held-out group sets the thresholds, and the count becomes the suspects' mean share
        above t with Chernoff's bound, ``P ≤ exp(−g·KL)``. Group i counts as ``c_i = min(m_i, c)`` of its
        ``m_i`` tracks, ``g = Σc_i / c``, and what is not counted is taken for unused; the cap c is chosen from the
        sizes alone. So one large album can neither carry the bound nor hide in it.
    seed
        Fixes the held-out tracks drawn; without effect where no group has two.

    Returns
    -------
    UsedFraction

    Raises
    ------
    EarwitnessError
        If a set has no score or the confidence is outside (0, 1).

    Notes
    -----
    Order statistics: Wilks (1941). Binomial counts with unequal chances: Hoeffding (1956). Means of shares:
    Hoeffding (1963); with weights, ``log E e^{λwX}`` grows at most in proportion to w, so the largest weight
    sets the number of groups.
    """
    if not 0 < confidence < 1:
        raise EarwitnessError(f"confidence is {confidence:g}; it must lie between 0 and 1, for instance 0.95.")
    if (suspect_groups is None) != (held_out_groups is None):
        raise ValueError("give groups for both sides, or for neither")
    s, codes_s = _coded(suspect, suspect_groups, "suspect")
    h, codes_h = _coded(held_out, held_out_groups, "held-out")
    one_a_group = np.sort(_drawn(h, codes_h, np.random.default_rng(seed)))[::-1]
    ranks = sorted({1, *(max(1, int(share * len(one_a_group))) for share in _RANKS)})
    error = (1 - confidence) / len(ranks)
    counted = _Counted.of(codes_s, error)
    bounds = [
        (counted.bound(s > one_a_group[k - 1], k, len(one_a_group), error), float(one_a_group[k - 1])) for k in ranks
    ]
    lower, threshold = max(bounds)
    estimate = storey_estimate(conformal_p_values(s, h))
    return UsedFraction(
        lower=lower,
        estimate=None if np.isnan(estimate) else estimate,
        threshold=threshold if lower > 0 else None,
        confidence=confidence,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Counted:
    """The suspect groups: which track is in which, how many tracks each counts for, and of how many in all."""

    codes: Ints
    sizes: Floats
    counts: Floats

    @classmethod
    def of(cls, codes: Ints, error: float) -> "_Counted":
        """Cap the sizes where the bound of a half-used set, ``Σc/2 − √(ln(1/error) Σc·max c / 2)``, is best."""
        sizes = np.bincount(codes).astype(np.float64)

        def promise(cap: float) -> float:
            counts = np.minimum(sizes, cap)
            return float(counts.sum() / 2 - np.sqrt(-np.log(error) / 2 * counts.sum() * cap))

        return cls(codes=codes, sizes=sizes, counts=np.minimum(sizes, max(np.unique(sizes), key=promise)))

    def bound(self, above: Bools, rank: int, held_out: int, error: float) -> float:
        """Return the largest share that is excluded from below at this error, in all tracks; 0 where none is."""
        chances = _chances_above(rank, held_out)

        def chance_of_so_many(used: float) -> float:
            return float(_WEIGHTS / 2 @ self._at_least(above, used + (1 - used) * chances))

        if chance_of_so_many(0.0) > error:
            return 0.0
        nearly_all = 1 - 1e-9
        excluded = (
            nearly_all
            if chance_of_so_many(nearly_all) <= error
            else float(brentq(lambda used: chance_of_so_many(used) - error, 0.0, nearly_all, xtol=1e-6))
        )
        return excluded * float(self.counts.sum() / self.sizes.sum())

    def _at_least(self, above: Bools, mean: Floats) -> Floats:
        """Bound the chance of a count (or mean share) this large, for each mean ``[nodes]``."""
        if len(self.sizes) == len(self.codes):
            count = int(above.sum())
            return np.asarray(betainc(count, len(above) - count + 1, mean)) if count else np.ones_like(mean)
        share = float(self.counts @ (np.bincount(self.codes, above) / self.sizes) / self.counts.sum())
        groups = self.counts.sum() / self.counts.max()
        with np.errstate(divide="ignore"):
            divergence = rel_entr(share, mean) + rel_entr(1 - share, 1 - mean)
        bounded: Floats = np.where(mean >= share, 1.0, np.exp(-groups * divergence))
        return bounded


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


def _coded(scores: ArrayLike, groups: ArrayLike | None, side: str) -> tuple[Floats, Ints]:
    """Return the scores that exist and the numbers of their groups."""
    x = np.asarray(scores, dtype=np.float64).ravel()
    labels = np.arange(len(x)) if groups is None else np.asarray(groups).ravel()
    if len(labels) != len(x):
        raise ValueError("there must be one group label a score")
    known = ~np.isnan(x)
    if not known.any():
        raise EarwitnessError(f"No {side} track has a score; the used fraction needs some on both sides.")
    return x[known], np.unique(labels[known], return_inverse=True)[1]


@lru_cache(maxsize=256)
def _chances_above(rank: int, held_out: int) -> Floats:
    """Return quadrature nodes of ``Beta(k, m−k+1)``: the chance of an unused track above the k-th largest of m."""
    return np.asarray(beta.ppf((_NODES + 1) / 2, rank, held_out - rank + 1))


def _drawn(scores: Floats, codes: Ints, rng: np.random.Generator) -> Floats:
    """Return one random score per group."""
    order = rng.permutation(len(scores))
    drawn: Floats = scores[order[np.unique(codes[order], return_index=True)[1]]]
    return drawn
