"""From tracks to the rows that are permuted: one per group, label-free scaled and weighted.

Goal: put features on a common, outlier-proof scale and make the group (album, session) the
unit, without looking at a label. Conventions: values are oriented, higher = more
member-like; NaN is missing; nothing here knows which side a track is on, so nothing here
can bias a permutation test.

Scaling: each feature is replaced by normal scores of its midranks over all tracks,
``Φ⁻¹((rank − ½)/n)``, so no increasing transformation of a feature and no outlier changes a
test. Missing values take no rank and then count as 0, the neutral middle. A feature that is
missing in more than a stated share of tracks, or constant, is dropped. A group's row is the
mean of its tracks, with weight ``m/(1+(m−1)ρ̂)`` for ``m`` tracks: their number where tracks
are independent (ρ̂ = 0), one per group where they are copies (ρ̂ = 1).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import rankdata

from earwitness.types import Bools, Floats, Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class UsableScores:
    """Features on a common scale.

    Attributes
    ----------
    values
        ``[tracks, features kept]`` normal scores; 0 where missing.
    absent
        ``[tracks, features kept]`` whether the value was missing.
    missing
        ``[features given]`` number of tracks without a value.
    kept
        ``[features given]`` whether the feature takes part.
    """

    values: Floats
    absent: Bools
    missing: Ints
    kept: Bools


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRows:
    """Groups as weighted rows.

    Attributes
    ----------
    values
        ``[groups, columns]``, weighted mean 0 and weighted sd 1 per column (0 where all groups are alike).
    weights
        ``[groups]`` effective numbers of independent tracks.
    correlation
        ``[columns, columns]`` weighted correlation over all groups.
    intraclass_correlation
        ρ̂ in [0, 1], pooled over columns; 0 where every group is one track.
    """

    values: Floats
    weights: Floats
    correlation: Floats
    intraclass_correlation: float


def usable_scores(values: Floats, *, max_missing: float = 0.5) -> UsableScores:
    """Return the normal scores of the features that can take part.

    Parameters
    ----------
    values
        ``[tracks, features]``, NaN where undefined.
    max_missing
        Largest share of tracks that may lack a feature before it is dropped.

    Raises
    ------
    ValueError
        If no feature is left.
    """
    absent = np.isnan(values)
    missing = absent.sum(axis=0)
    scored = normal_scores(values)
    kept = (missing <= max_missing * len(values)) & (scored.std(axis=0) > 0)
    if not kept.any():
        raise ValueError("every feature is constant or mostly missing")
    return UsableScores(values=scored[:, kept], absent=absent[:, kept], missing=missing, kept=kept)


def group_rows(columns: Floats, codes: Ints, *, strata: Ints | None = None) -> GroupRows:
    """Return one scaled, weighted row per group.

    Parameters
    ----------
    columns
        ``[tracks, columns]`` without missing values.
    codes
        ``[tracks]`` row of each track's group, 0 … groups − 1.
    strata
        ``[tracks]`` codes: each stratum's weighted mean is then taken out, so that what differs
        between strata is no difference between the sets.
    """
    sizes = np.bincount(codes)
    correlation_in_group = intraclass_correlation(columns, codes)
    weights = sizes / (1 + (sizes - 1) * correlation_in_group)
    means = group_means(columns, codes)
    stratum = np.zeros(len(sizes), dtype=np.intp)
    if strata is not None:
        stratum[codes] = strata
    share = np.bincount(stratum, weights)
    if strata is None:
        rows = means - weights @ means / share
    else:
        centres = np.stack([np.bincount(stratum, weights * column) for column in means.T], axis=1)
        rows = means - (centres / np.where(share > 0, share, 1.0)[:, None])[stratum]
    spread = np.sqrt(weights @ rows**2 / weights.sum())
    # A column whose group means are all alike (up to rounding) says nothing about groups.
    rows /= np.where(spread < 1e-9, np.inf, spread)
    return GroupRows(
        values=rows,
        weights=weights,
        correlation=(rows.T * weights) @ rows / weights.sum(),
        intraclass_correlation=correlation_in_group,
    )


def normal_scores(values: Floats) -> Floats:
    """Return ``Φ⁻¹((midrank − ½)/n)`` per column over its defined values, and 0 where undefined."""
    n = len(values)
    columns = np.ascontiguousarray(values.T)
    scores = np.zeros(columns.shape)
    order = np.argsort(columns, axis=1)
    ordered = np.take_along_axis(columns, order, axis=1)
    # Without ties and gaps a column's scores are one and the same list in another order. NaN sorts last.
    plain: Bools = np.all(ordered[:, 1:] > ordered[:, :-1], axis=1) & ~np.isnan(ordered[:, -1:]).any(axis=1)
    every = ndtri((np.arange(1, n + 1) - 0.5) / max(n, 1))
    for feature in range(len(columns)):
        if plain[feature]:
            scores[feature, order[feature]] = every
        else:
            defined = ~np.isnan(columns[feature])
            ranks = rankdata(columns[feature, defined])
            scores[feature, defined] = ndtri((ranks - 0.5) / max(len(ranks), 1))
    return np.ascontiguousarray(scores.T)


def varying(values: Floats) -> Bools:
    """Return ``[features]`` whether a column of ``[tracks, features]`` has more than one value."""
    known = ~np.isnan(values)
    least = np.where(known, values, np.inf).min(axis=0, initial=np.inf)
    most = np.where(known, values, -np.inf).max(axis=0, initial=-np.inf)
    return np.asarray(least < most)


def standardised(columns: Floats) -> Floats:
    """Mean 0 and sd 1; a constant column becomes zeros."""
    centred = columns - columns.mean(axis=0)
    spread = centred.std(axis=0)
    return np.asarray(np.where(spread > 1e-9, centred / np.where(spread > 1e-9, spread, 1.0), 0.0))


def intraclass_correlation(values: Floats, codes: Ints, *, centre_known: bool = False) -> float:
    """Return the one-way analysis-of-variance ρ̂, mean squares pooled over features, clipped to [0, 1].

    ``ρ̂ = (B − W)/(B + (m₀ − 1) W)`` with mean squares between (B) and within (W) groups and
    ``m₀ = (n − Σm²/n)/(G − 1)``. 0 where no group has two tracks or there is one group. Where the
    centre is known to be 0 (differences within pairs), B is taken about it with G in place of G − 1
    and ``m₀ = n/G``, so that turning a group's signs changes nothing.
    """
    sizes = np.bincount(codes)
    n, n_groups = len(values), len(sizes)
    if n_groups in (1, n):
        return 0.0
    means = group_means(values, codes)
    centre = np.zeros(values.shape[1]) if centre_known else values.mean(axis=0)
    free = n_groups if centre_known else n_groups - 1
    between = float((sizes @ (means - centre) ** 2).sum()) / free
    within = float(((values - means[codes]) ** 2).sum()) / (n - n_groups)
    typical_size = n / free if centre_known else (n - float((sizes**2).sum()) / n) / free
    return float(np.clip((between - within) / (between + (typical_size - 1) * within), 0.0, 1.0))


def group_means(values: Floats, codes: Ints) -> Floats:
    """Return ``[groups, columns]`` means of rows ``[tracks, columns]``."""
    sizes = np.bincount(codes)
    if (sizes == 1).all():
        alone = np.empty(values.shape)
        alone[codes] = values
        return alone
    sums = np.stack([np.bincount(codes, column) for column in values.T], axis=1)
    return sums / sizes[:, None]


def codes_by_content(values: Floats, groups: NDArray[np.generic]) -> Ints:
    """Number groups 0 … by content ``[tracks, any]``: names and row order cannot matter to a seeded draw."""
    last = values[:, -1]
    order = np.argsort(last, kind="stable")
    # The last column decides, unless it has ties.
    if (np.diff(last[order]) <= 0).any():
        order = np.lexsort(values.T)
    _, first, codes = np.unique(np.asarray(groups)[order], return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.intp)
    rank[np.argsort(first)] = np.arange(len(first))
    result = np.empty(len(order), dtype=np.intp)
    result[order] = rank[codes]
    return result
