"""Works that come in pairs: what is relabelled is which half of a pair is the suspect.

Goal: a released take and its unreleased twin, a remaster and its master, a mix and its
instrumental share most of what makes a track easy or hard for a model; compared within the
pair, that drops out. Conventions: a pair has tracks on both sides (several per side are
averaged); pairs that share a group with each other, on either side, belong to one *unit*,
which is turned whole: 2^units labellings. Nothing here depends on which half is the suspect
beyond the sign of a whole unit.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from earwitness.stats.grouping import GroupRows, group_means, intraclass_correlation
from earwitness.types import Bools, Floats, Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class PairRows:
    """Differences suspect − held-out within pairs, and the unit of each pair.

    ``values [pairs, columns]``, ``unit [pairs]`` codes 0 ….
    """

    values: Floats
    unit: Ints


def pair_rows(columns: Floats, is_suspect: Bools, groups: Ints, pairs: Ints) -> PairRows:
    """Return one row per pair.

    Parameters
    ----------
    columns
        ``[tracks, columns]``.
    is_suspect, groups, pairs
        ``[tracks]`` sides, and codes 0 … of groups and of pairs.

    Raises
    ------
    ValueError
        If a pair lacks a side.
    """
    count = int(pairs.max()) + 1
    if len(np.unique(2 * pairs + is_suspect)) < 2 * count:
        raise ValueError("every pair needs a track on both sides")
    unit = units_of_pairs(groups, pairs)
    values = group_means(columns[is_suspect], pairs[is_suspect]) - group_means(columns[~is_suspect], pairs[~is_suspect])
    return PairRows(values=values, unit=unit)


def units_of_pairs(groups: Ints, pairs: Ints) -> Ints:
    """Return the unit ``[pairs]`` of each pair: pairs that share a group, directly or through others, are one."""
    count, n_groups = int(pairs.max()) + 1, int(groups.max()) + 1
    links = coo_array((np.ones(len(pairs)), (pairs, count + groups)), shape=(count + n_groups, count + n_groups))
    unit = connected_components(links, directed=False)[1][:count]
    return np.asarray(np.unique(unit, return_inverse=True)[1], dtype=np.intp)


def unit_rows(values: Floats, unit: Ints) -> GroupRows:
    """Return one scaled, weighted row per unit of pairs: mean 0 is the null, so rows are scaled but not centred."""
    sizes = np.bincount(unit)
    correlation_in_unit = intraclass_correlation(values, unit, centre_known=True)
    weights = sizes / (1 + (sizes - 1) * correlation_in_unit)
    means = group_means(values, unit)
    spread = np.sqrt(weights @ means**2 / weights.sum())
    means = means / np.where(spread < 1e-9, np.inf, spread)
    return GroupRows(
        values=means,
        weights=weights,
        correlation=(means.T * weights) @ means / weights.sum(),
        intraclass_correlation=correlation_in_unit,
    )
