"""The exact dataset-inference test: several scorers, one permutation distribution, whole groups.

Goal: is the suspect set more member-like than the held-out set, by more than relabelling
whole groups can explain? Conventions: values are oriented, higher = more member-like; NaN
is missing (rules in `earwitness.stats.grouping`); the p-value is one-sided and exact under
exchangeability of groups, whatever the features' distribution and correlation.

All that looks at labels (weights, folds' fits, the choice of the best scorer) is rerun for
every labelling. The scorers' p-values are combined by their minimum within the same
labellings, so that choosing the best one costs nothing in level.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from earwitness.stats.differences import fold_moments, statistics, total, training_weights
from earwitness.stats.grouping import Bools, Floats, GroupRows, Ints, group_rows
from earwitness.stats.labellings import Labellings
from earwitness.stats.scorers import Equal, FreeMarginal, FreeRidge, Marginal, NonNegativeRidge, Scorer, Strongest
from earwitness.stats.splits import fold_of_groups

DIRECTED: tuple[Scorer, ...] = (Equal(), Marginal(), Strongest(), NonNegativeRidge())
UNDIRECTED: tuple[Scorer, ...] = (FreeMarginal(), FreeRidge())
# Numbers in one block of labellings, features or groups by labellings: some ten such arrays live at once.
_BLOCK_NUMBERS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ExactSettings:
    """What fixes the exact test, apart from data and seed.

    Attributes
    ----------
    permutations
        Labellings drawn where there are more than that; otherwise all are enumerated.
    folds
        Folds of the cross-fitted scorers.
    max_missing
        Share of tracks that may lack a feature before it is dropped.
    scorers
        The rules whose best is taken.
    """

    permutations: int = 9999
    folds: int = 5
    max_missing: float = 0.5
    scorers: tuple[Scorer, ...] = field(default=DIRECTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExactTest:
    """The outcome of an exact test; scores and weights are those of the chosen scorer.

    Attributes
    ----------
    p_value, p_value_floor
        One-sided p, and the smallest p this reference set could have given.
    scorer_p_values, statistics
        Per scorer: its own p (not corrected for there being several) and its statistic.
    chosen
        The scorer with the smallest p; among equals (often at the floor) the one whose statistic
        lies most standard deviations above its mean over all labellings.
    weights
        ``[features]`` per standard deviation of a feature, mean over folds; NaN for a dropped feature.
    scores
        ``[tracks]`` out-of-fold score, higher = more member-like, in standard deviations of a
        group's score; NaN for a track without any value. Chosen by looking at labels:
        descriptive, not fresh evidence.
    missing
        ``[features]`` number of tracks without a value.
    """

    p_value: float
    p_value_floor: float
    scorer_p_values: dict[str, float]
    statistics: dict[str, float]
    chosen: str
    weights: Floats
    scores: Floats
    missing: Ints
    enumerated: bool
    labellings_used: int
    n_groups_suspect: int
    n_groups_held_out: int
    intraclass_correlation: float


def exact_test(
    values: Floats,
    is_suspect: Bools,
    groups: ArrayLike,
    *,
    settings: ExactSettings | None = None,
    seed: int = 0,
    strata: ArrayLike | None = None,
) -> ExactTest:
    """Test whether suspects score higher than held-out tracks, by relabelling whole groups.

    ``p = #{m_b ≤ m_observed} / #labellings`` with ``m_b`` the smallest of the scorers' p-values
    at labelling b (ties: see `smallest_p`) and the observed labelling among them: ``(1 + #)/(1 + B)`` for B drawn
    labellings, an exact count where all are enumerated.

    Parameters
    ----------
    values
        ``[tracks, features]`` oriented so that higher = more member-like; NaN = missing.
    is_suspect
        ``[tracks]``.
    groups
        ``[tracks]`` labels; a group lies on one side.
    settings
        See `ExactSettings`.
    seed
        Of folds and drawn labellings.
    strata
        ``[tracks]`` labels, one a group: relabelling then happens within strata only.

    Returns
    -------
    ExactTest

    Raises
    ------
    ValueError
        If shapes disagree, a group or its stratum is not of one kind, a side is absent or no
        feature is left.

    Notes
    -----
    Phipson & Smyth (2010) for the count; Westfall & Young (1993) for the minimum.
    """
    settings = settings or ExactSettings()
    rows, labels, codes = _prepared(values, is_suspect, groups, strata, settings)
    fold_seed, draw_seed = (int(word) for word in np.random.SeedSequence(seed).generate_state(2))
    fold = fold_of_groups(len(labels), settings.folds, seed=fold_seed)
    labellings = Labellings(observed=labels, strata=codes, permutations=settings.permutations)
    size = max(_BLOCK_NUMBERS // max(rows.values.shape), 1)
    table = np.concatenate(
        [statistics(rows, block, fold, settings.scorers) for block in labellings.chunks(size, draw_seed)], axis=1
    )
    p_values = np.stack([share_as_large(row) for row in table])
    chosen = _standing_out_most(table, p_values[:, 0])
    names = [scorer.name for scorer in settings.scorers]
    weights, scores = _out_of_fold(rows, labels, fold, settings.scorers[chosen])
    all_weights = np.full(len(rows.kept), np.nan)
    all_weights[rows.kept] = weights
    return ExactTest(
        p_value=smallest_p(p_values),
        p_value_floor=labellings.p_value_floor,
        scorer_p_values=dict(zip(names, p_values[:, 0].tolist(), strict=True)),
        statistics=dict(zip(names, table[:, 0].tolist(), strict=True)),
        chosen=names[chosen],
        weights=all_weights,
        scores=np.where(np.isnan(values).all(axis=1), np.nan, scores),
        missing=rows.missing,
        enumerated=labellings.enumerated,
        labellings_used=labellings.used,
        n_groups_suspect=int(labels.sum()),
        n_groups_held_out=int((~labels).sum()),
        intraclass_correlation=rows.intraclass_correlation,
    )


def unconstrained_test(
    values: Floats,
    is_suspect: Bools,
    groups: ArrayLike,
    *,
    settings: ExactSettings | None = None,
    seed: int = 0,
    strata: ArrayLike | None = None,
) -> ExactTest:
    """Test whether the two sets differ at all, in any direction of any feature.

    The engine of `exact_test` with free signs (see `earwitness.stats.scorers`): features
    without a known direction may take part. A rejection here alone says that the sets differ,
    not that the suspects look like training data.
    """
    settings = settings or ExactSettings(scorers=UNDIRECTED)
    return exact_test(values, is_suspect, groups, settings=settings, seed=seed, strata=strata)


def share_as_large(values: Floats) -> Floats:
    """Return for each value the share of all values at least as large, ties and rounding counted in.

    The same labelling met twice may differ in its last bits; a margin of 1e-9 of the scale
    lets it tie with itself, in the conservative direction.
    """
    margin = 1e-9 * (1 + np.abs(values))
    below = np.searchsorted(np.sort(values), values - margin, side="left")
    share: Floats = (len(values) - below) / len(values)
    return share


def smallest_p(p_values: Floats) -> float:
    """Return the p-value of the smallest p among scorers, judged within the same labellings.

    The share of labellings that are at least as extreme as the first one: by their smallest p,
    and among equals by the sum of their p-values. Without the second key the best labelling of
    each scorer would tie with the best of every other, and few labellings could not reach α.

    Parameters
    ----------
    p_values
        ``[scorers, labellings]``, each a multiple of ``1/labellings``; the observed labelling first.
    """
    scorers, labellings = p_values.shape
    counts = np.rint(p_values * labellings).astype(np.int64)
    extremeness = counts.min(axis=0) * (scorers * labellings + 1) + counts.sum(axis=0)
    return float((extremeness <= extremeness[0]).sum() / labellings)


def _standing_out_most(table: Floats, p_values: Floats) -> int:
    """Return the scorer with the smallest p, and among those the one that stands out most."""
    spread = table.std(axis=1)
    height = (table[:, 0] - table.mean(axis=1)) / np.where(spread > 0, spread, 1.0)
    return int(np.lexsort((-height, p_values))[0])


def _prepared(
    values: Floats, is_suspect: Bools, groups: ArrayLike, strata: ArrayLike | None, settings: ExactSettings
) -> tuple[GroupRows, Bools, Ints]:
    labels, names = np.asarray(is_suspect, dtype=np.bool_), np.asarray(groups)
    if values.ndim != 2 or labels.shape != (len(values),) or names.shape != (len(values),):
        raise ValueError("values must be [tracks, features], is_suspect and groups [tracks]")
    if labels.all() or not labels.any():
        raise ValueError("both sides need a track")
    rows = group_rows(values, names, max_missing=settings.max_missing)
    codes = (
        np.unique(np.asarray(strata), return_inverse=True)[1] if strata is not None else np.zeros(len(labels), np.intp)
    )
    side = _per_group(labels.astype(np.intp), rows.track_group, "side")
    return rows, side.astype(np.bool_), _per_group(codes, rows.track_group, "stratum")


def _per_group(values: Ints, track_group: Ints, what: str) -> Ints:
    """Return one value a group, having checked that its tracks agree."""
    per_group = np.empty(int(track_group.max()) + 1, dtype=np.intp)
    per_group[track_group] = values
    if not np.array_equal(per_group[track_group], values):
        raise ValueError(f"a group has tracks of more than one {what}")
    return per_group


def _out_of_fold(rows: GroupRows, labels: Bools, fold: Ints, scorer: Scorer) -> tuple[Floats, Floats]:
    """Return the scorer's weights (mean over folds) and every track's score from the other folds' weights."""
    parts = fold_moments(rows, labels[:, None], fold)
    everything = total(parts)
    weights = np.stack([training_weights(scorer, everything - part, rows)[:, 0] for part in parts])
    scores: Floats = (rows.track_values * weights[fold[rows.track_group]]).sum(axis=1)
    return weights.mean(axis=0), scores
