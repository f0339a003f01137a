"""The exact dataset-inference test: several scorers, one permutation distribution, whole groups.

Goal: is the suspect set more member-like than the held-out set, by more than relabelling
whole groups can explain? Conventions: values are oriented, higher = more member-like; NaN
is missing (rules in `earwitness.stats.grouping`); the p-value is one-sided and exact under
exchangeability of groups (of the halves of pairs), whatever the features' distribution and
correlation. Each labelling's differences are divided by its own robust standard error, so that
sets of unequal size and spread but equal mean are level too, as their numbers grow.

All that looks at labels (standard errors, weights, the choice of the best scorer) is rerun for
every labelling. The scorers' p-values are combined by their weighted minimum within the same
labellings, so that choosing the best one costs nothing in level. Nothing is drawn but the
labellings: two seeds differ by their Monte Carlo error alone.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from earwitness.stats.comparison import Comparison, columns_of, compare
from earwitness.stats.projection import Projection
from earwitness.stats.scorers import DIRECTED, UNDECLARED, UNDIRECTED, Fixed, Scorer, statistics, unit_score
from earwitness.stats.sides import Sides
from earwitness.stats.splits import fold_of_groups
from earwitness.types import Bools, Floats, Ints

# Numbers in one block of labellings, features or groups by labellings: some ten such arrays live at once.
_BLOCK_NUMBERS = 1_000_000
# So many labellings are compared at once whatever their length: each block reads all groups anew.
_LEAST_BLOCK = 256
# Labellings this close tie, in shares of the scale: for sums of four bytes, and of eight.
_ROUNDING = {4: 1e-5, 8: 1e-9}
_FOLDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ExactSettings:
    """What fixes the exact test, apart from data and seed.

    Attributes
    ----------
    permutations
        Labellings drawn where there are more than that; otherwise all are enumerated.
    max_missing
        Share of tracks that may lack a feature before it is dropped.
    scorers
        The rules whose best is taken, each with its share of the level; None takes `DIRECTED` where a
        headline is declared and `UNDECLARED` where not.
    """

    permutations: int = 9999
    max_missing: float = 0.5
    scorers: tuple[Scorer, ...] | None = None

    def rules(self, headline: ArrayLike | None) -> tuple[Scorer, ...]:
        """Return the rules to run."""
        if self.scorers is not None:
            return self.scorers
        return UNDECLARED if headline is None else DIRECTED


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
        The scorer with the smallest p in proportion to its share; among equals the one whose statistic
        lies most standard deviations above its mean over all labellings.
    weights
        ``[features]`` per standard deviation of a feature, as the observed labelling gives them; NaN for
        a dropped feature.
    scores
        ``[tracks]`` higher = more member-like, in standard deviations; NaN for a track without any value.
        A fixed score has seen no label; an adaptive one is out of fold, yet chosen by looking at
        labels: descriptive, not fresh evidence.
    missing
        ``[features]`` number of tracks without a value.
    n_pairs
        Pairs whose halves were exchanged; 0 where groups were relabelled.
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
    n_pairs: int
    intraclass_correlation: float


def exact_test(
    values: Floats,
    sides: Sides,
    *,
    settings: ExactSettings | None = None,
    seed: int = 0,
    headline: ArrayLike | None = None,
    covariates: Floats | Projection | None = None,
    scored: bool = True,
) -> ExactTest:
    """Test whether suspects score higher than held-out tracks, by relabelling whole groups.

    ``p = #{m_b ≤ m_observed} / #labellings`` with ``m_b`` the smallest of the scorers' p-values, each
    divided by its scorer's share, at labelling b (ties: see `smallest_p`) and the observed labelling
    among them: ``(1 + #)/(1 + B)`` for B drawn labellings, an exact count where all are enumerated.

    Parameters
    ----------
    values
        ``[tracks, features]`` oriented so that higher = more member-like; NaN = missing.
    sides
        Which track is on which side, and what may be exchanged (`earwitness.stats.sides.Sides`).
    settings
        See `ExactSettings`.
    seed
        Of drawn labellings.
    headline
        ``[features]`` which of them make the score fixed in advance: booleans, or proportions; all of
        them equally by default.
    covariates
        ``[tracks, blind features]`` whose part in the features is taken out without looking at labels
        (`earwitness.stats.comparison`); NaN = missing. For many tests of the same tracks: their `label_free_fit`.
    scored
        Whether tracks get their scores; without, ``scores`` are NaN.

    Returns
    -------
    ExactTest

    Raises
    ------
    ValueError
        If lengths disagree, a group or its stratum is not of one kind, a pair lacks a side, or no feature
        is left.

    Notes
    -----
    Phipson & Smyth (2010) for the count; Westfall & Young (1993) for the minimum; Chung & Romano,
    arXiv 1304.5939, for standard errors of each labelling's own.
    """
    settings = settings or ExactSettings()
    scorers = settings.rules(headline)
    comparison = prepared(values, sides, settings=settings, headline=headline, covariates=covariates)
    columns = comparison.columns
    table = _table(comparison, scorers, seed)
    p_values = _own_p_values(comparison, table)
    shares = np.array([scorer.share for scorer in scorers])
    chosen = _standing_out_most(table, p_values[:, 0] / shares)
    names = [scorer.name for scorer in scorers]
    weights = _weights(comparison, scorers[chosen])
    scores = _scores(comparison, scorers, chosen) if scored else np.full(len(values), np.nan)
    all_weights = np.full(values.shape[1], np.nan)
    all_weights[columns.scores.kept] = weights
    reference, groups = comparison.reference, columns.sides.group_counts
    return ExactTest(
        p_value=smallest_p(p_values, shares),
        p_value_floor=reference.p_value_floor,
        scorer_p_values=dict(zip(names, p_values[:, 0].tolist(), strict=True)),
        statistics=dict(zip(names, table[:, 0].tolist(), strict=True)),
        chosen=names[chosen],
        weights=all_weights,
        scores=np.where(np.isnan(values).all(axis=1), np.nan, scores),
        missing=columns.scores.missing,
        enumerated=reference.enumerated,
        labellings_used=reference.used,
        n_groups_suspect=groups[0],
        n_groups_held_out=groups[1],
        n_pairs=0 if columns.sides.pairs is None else int(columns.sides.pairs.max()) + 1,
        intraclass_correlation=comparison.rows.intraclass_correlation,
    )


def prepared(
    values: Floats,
    sides: Sides,
    *,
    settings: ExactSettings,
    headline: ArrayLike | None = None,
    covariates: Floats | Projection | None = None,
) -> Comparison:
    """Return what `exact_test` compares, before any labelling is looked at; its parameters and errors are the same."""
    scorers = settings.rules(headline)
    columns = columns_of(values, sides, scorers=scorers, max_missing=settings.max_missing, headline=headline)
    return compare(columns, permutations=settings.permutations, covariates=covariates, directed=scorers != UNDIRECTED)


def p_value_of(comparison: Comparison, scorers: tuple[Scorer, ...], seed: int) -> float:
    """Return the p-value of `exact_test` alone."""
    p_values = _own_p_values(comparison, _table(comparison, scorers, seed))
    return smallest_p(p_values, np.array([scorer.share for scorer in scorers]))


def unconstrained_test(
    values: Floats,
    sides: Sides,
    *,
    settings: ExactSettings | None = None,
    seed: int = 0,
    covariates: Floats | None = None,
) -> ExactTest:
    """Test whether the two sets differ at all, in any direction of any feature.

    The engine of `exact_test` with free signs (see `earwitness.stats.scorers`): features
    without a known direction may take part. A rejection here alone says that the sets differ,
    not that the suspects look like training data.
    """
    settings = replace(settings or ExactSettings(), scorers=UNDIRECTED)
    return exact_test(values, sides, settings=settings, seed=seed, covariates=covariates)


def share_as_large(values: Floats, *, margin: float = 1e-9) -> Floats:
    """Return for each value the share of all values at least as large, ties and rounding counted in.

    The same labelling met twice may differ in its last bits; a margin, as a share of the scale,
    lets it tie with itself, in the conservative direction.
    """
    below = np.searchsorted(np.sort(values), values - margin * (1 + np.abs(values)), side="left")
    share: Floats = (len(values) - below) / len(values)
    return share


def smallest_p(p_values: Floats, shares: Floats) -> float:
    """Return the p-value of the smallest ``p/share`` among scorers, judged within the same labellings.

    The share of labellings that are at least as extreme as the first one: by their smallest p in
    proportion to its scorer's share, and among equals by the sum of such p-values. Without the second
    key the best labelling of each scorer would tie with the best of every other, and few labellings
    could not reach α.

    Parameters
    ----------
    p_values
        ``[scorers, labellings]``, each a multiple of ``1/labellings``; the observed labelling first.
    shares
        ``[scorers]`` positive; a scorer with a larger share is taken the more seriously.
    """
    weighted = p_values / shares[:, None]
    least, added = weighted.min(axis=0), weighted.sum(axis=0)
    tie = np.abs(least - least[0]) <= 1e-9 * least[0]
    extreme = np.where(tie, added <= added[0] * (1 + 1e-9), least < least[0])
    return float(extreme.mean())


def _table(comparison: Comparison, scorers: tuple[Scorer, ...], seed: int) -> Floats:
    """``[scorers, labellings]`` statistics, the observed labelling first."""
    rows, features = comparison.rows, comparison.columns.features
    correlation = rows.correlation[:features, :features]
    size = max(_BLOCK_NUMBERS // max(rows.values.shape), _LEAST_BLOCK)
    blocks = comparison.reference.chunks(size, seed)
    counts = comparison.columns.counts
    return np.concatenate([statistics(comparison.differences(b), correlation, scorers, counts) for b in blocks], axis=1)


def _own_p_values(comparison: Comparison, table: Floats) -> Floats:
    """Each scorer's p-value in every labelling, ``[scorers, labellings]``."""
    margin = _ROUNDING[comparison.differences.precision.itemsize]
    return np.stack([share_as_large(row, margin=margin) for row in table])


def _standing_out_most(table: Floats, p_values: Floats) -> int:
    """Return the scorer with the smallest p, and among those the one that stands out most."""
    spread = table.std(axis=1)
    height = (table[:, 0] - table.mean(axis=1)) / np.where(spread > 0, spread, 1.0)
    return int(np.lexsort((-height, np.round(p_values, 12)))[0])


def _weights(comparison: Comparison, scorer: Scorer, rows: Bools | None = None) -> Floats:
    """Return a scorer's weights ``[features]`` in the observed labelling, of all rows or of some."""
    features = comparison.columns.features
    correlation = comparison.rows.correlation[:features, :features]
    if isinstance(scorer, Fixed):
        weights = scorer.weights(comparison.columns.headline)[:, None]
    else:
        weights = scorer.weights(comparison.observed(rows)[:features], correlation)
    return unit_score(weights, correlation)[:, 0]


def _scores(comparison: Comparison, scorers: tuple[Scorer, ...], chosen: int) -> Floats:
    """Return every track's score by the chosen scorer, out of fold where it looks at labels."""
    scorer, features, values = scorers[chosen], comparison.columns.features, comparison.track_values
    if isinstance(scorer, Fixed):
        return values[:, features + sum(comparison.columns.counts[:chosen])]
    fold = fold_of_groups(len(comparison.rows.values), _FOLDS)
    scores = np.zeros(len(values))
    for index in np.unique(fold):
        held_back = (fold == index)[comparison.track_row]
        scores[held_back] = values[held_back, :features] @ _weights(comparison, scorer, fold != index)
    return scores
