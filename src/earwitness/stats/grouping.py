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
are independent (ρ̂ = 0), one a group where they are copies (ρ̂ = 1).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import rankdata

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRows:
    """Groups as weighted rows, and their tracks on the same scale.

    Attributes
    ----------
    values
        ``[groups, features kept]``, weighted mean 0 and weighted sd 1 per column.
    weights
        ``[groups]`` effective numbers of independent tracks.
    correlation
        ``[features, features]`` weighted correlation over all groups.
    track_values
        ``[tracks, features kept]`` in the units of ``values``, in the caller's order of tracks.
    track_group
        ``[tracks]`` row of each track's group.
    missing
        ``[features given]`` number of tracks without a value.
    kept
        ``[features given]`` whether the feature takes part.
    intraclass_correlation
        ρ̂ in [0, 1], pooled over features; 0 where every group is one track.
    """

    values: Floats
    weights: Floats
    correlation: Floats
    track_values: Floats
    track_group: Ints
    missing: Ints
    kept: Bools
    intraclass_correlation: float


def group_rows(values: Floats, groups: NDArray[np.generic], *, max_missing: float = 0.5) -> GroupRows:
    """Return one scaled, weighted row a group; rows do not depend on track order or group names.

    Parameters
    ----------
    values
        ``[tracks, features]``, NaN where undefined.
    groups
        ``[tracks]`` labels of any kind.
    max_missing
        Largest share of tracks that may lack a feature before it is dropped.

    Raises
    ------
    ValueError
        If no feature is left.
    """
    missing = np.isnan(values).sum(axis=0)
    scored = normal_scores(values)
    kept = (missing <= max_missing * len(values)) & (scored.std(axis=0) > 0)
    if not kept.any():
        raise ValueError("every feature is constant or mostly missing")
    scored = scored[:, kept]
    codes = _codes_by_content(scored, groups)
    sizes = np.bincount(codes)
    correlation_in_group = intraclass_correlation(scored, codes)
    weights = sizes / (1 + (sizes - 1) * correlation_in_group)
    means = _group_means(scored, codes)
    centre = weights @ means / weights.sum()
    spread = np.sqrt(weights @ (means - centre) ** 2 / weights.sum())
    # A feature whose group means are all alike (up to rounding) says nothing about groups.
    flat = spread < 1e-9
    spread = np.where(flat, np.inf, spread)
    rows = (means - centre) / spread
    correlation = (rows.T * weights) @ rows / weights.sum()
    return GroupRows(
        values=rows,
        weights=weights,
        correlation=correlation,
        track_values=(scored - centre) / spread,
        track_group=codes,
        missing=missing,
        kept=kept,
        intraclass_correlation=correlation_in_group,
    )


def normal_scores(values: Floats) -> Floats:
    """Return ``Φ⁻¹((midrank − ½)/n)`` per column over its defined values, and 0 where undefined."""
    scores = np.zeros(values.shape)
    for feature, column in enumerate(values.T):
        defined = ~np.isnan(column)
        scores[defined, feature] = ndtri((rankdata(column[defined]) - 0.5) / max(defined.sum(), 1))
    return scores


def intraclass_correlation(values: Floats, codes: Ints) -> float:
    """Return the one-way analysis-of-variance ρ̂, mean squares pooled over features, clipped to [0, 1].

    ``ρ̂ = (B − W)/(B + (m₀ − 1) W)`` with mean squares between (B) and within (W) groups and
    ``m₀ = (n − Σm²/n)/(G − 1)``. 0 where no group has two tracks or there is one group.
    """
    sizes = np.bincount(codes)
    n, n_groups = len(values), len(sizes)
    if n_groups in (1, n):
        return 0.0
    means = _group_means(values, codes)
    between = float((sizes @ (means - values.mean(axis=0)) ** 2).sum()) / (n_groups - 1)
    within = float(((values - means[codes]) ** 2).sum()) / (n - n_groups)
    typical_size = (n - float((sizes**2).sum()) / n) / (n_groups - 1)
    return float(np.clip((between - within) / (between + (typical_size - 1) * within), 0.0, 1.0))


def _group_means(values: Floats, codes: Ints) -> Floats:
    sums = np.stack([np.bincount(codes, column) for column in values.T], axis=1)
    return sums / np.bincount(codes)[:, None]


def _codes_by_content(values: Floats, groups: NDArray[np.generic]) -> Ints:
    """Number the groups by their content, so that names and row order cannot matter to a seeded draw."""
    order = np.lexsort(values.T)
    _, first, codes = np.unique(np.asarray(groups)[order], return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.intp)
    rank[np.argsort(first)] = np.arange(len(first))
    result = np.empty(len(order), dtype=np.intp)
    result[order] = rank[codes]
    return result
