"""What is compared: rows that change sides together, how they differ, and in which labellings.

Goal: put sets, strata and pairs into one form, so that everything downstream (test, gate,
control) is the same code for all of them. Conventions: values are oriented, higher = more
member-like; NaN is missing. Nothing here looks at a label beyond which rows change sides.

Columns are the usable features as normal scores, then what the fixed scorers compare. What blind
features (``covariates``) say about a column is fitted by one ridge over all tracks together, with
`LABEL_FREE_DF_SHARE` degrees of freedom per group. No label enters the fit (with pairs: it goes through
the origin, so turning a unit changes nothing), so the test stays exact. It is taken out once, which
gains power, since it is noise to the question; and once more (`RESERVE`), in case what nobody measured
differs as much as what was measured. The *lesser* of the two differences counts, in every labelling: a
shift between the sets of which the blind features catch half or more then leaves nothing in the
member direction (docs/design/blind.md).
"""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from earwitness.stats.differences import Differences, LesserDifferences, PairDifferences, SetDifferences
from earwitness.stats.grouping import GroupRows, UsableScores, codes_by_content, group_rows, standardised, usable_scores
from earwitness.stats.labellings import Flips, Labellings
from earwitness.stats.pairing import pair_rows, unit_rows
from earwitness.stats.projection import LABEL_FREE_DF_SHARE, Projection, blind_design, project
from earwitness.stats.scorers import Scorer, fixed_columns
from earwitness.stats.sides import Sides, codes
from earwitness.types import Bools, Floats, Ints

# What nobody measured is granted this much of the part of a difference that the blind features explain.
RESERVE = 1.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Columns:
    """Tracks on the common scale, and their place in the design.

    Attributes
    ----------
    values
        ``[tracks, features kept + fixed columns]``.
    counts
        How many of the fixed columns are each scorer's.
    scores
        What the features were before: their missing values and which were kept.
    headline
        ``[features kept]`` proportions of the score fixed in advance.
    sides
        The design, its groups numbered by content.
    """

    values: Floats
    counts: tuple[int, ...]
    scores: UsableScores
    headline: Floats
    sides: Sides

    @property
    def features(self) -> int:
        """Number of features kept; columns from there on are the fixed scorers'."""
        return int(self.scores.values.shape[1])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Comparison:
    """The rows of a test, its reference set, and what turns one block of labellings into differences.

    Attributes
    ----------
    columns
        The tracks behind the rows.
    rows
        One row per group, or a unit of pairs.
    track_values
        ``[tracks, columns]`` with what the covariates say taken out once; as they were where there are pairs.
    track_row
        ``[tracks]`` the row of each track.
    reference
        Its labellings; the observed one comes first.
    differences
        From a block of labellings to ``[columns, labellings]``.
    """

    columns: Columns
    rows: GroupRows
    track_values: Floats
    track_row: Ints
    reference: Labellings | Flips
    differences: Differences

    def observed(self, rows: Bools | None = None) -> Floats:
        """Return the differences ``[columns, 1]`` as found, of all rows or of some."""
        labels = next(iter(self.reference.chunks(1, 0)))
        if rows is None:
            return self.differences(labels)
        return self.differences.among(rows)(labels[rows])

    def relabelled(self, is_suspect: Bools) -> Self:
        """Return the comparison of the same tracks with other labels, of sets: their rows were made without any."""
        sides = self.columns.sides.relabelled(is_suspect)
        if sides.paired:
            raise ValueError("differences within pairs change with the labels")
        reference = sides.labellings(self.reference.permutations)
        return replace(self, columns=replace(self.columns, sides=sides), reference=reference)


def columns_of(
    values: Floats,
    sides: Sides,
    *,
    scorers: tuple[Scorer, ...],
    max_missing: float,
    headline: ArrayLike | None = None,
) -> Columns:
    """Put tracks on the common scale and check the design.

    Parameters and errors are those of `earwitness.stats.exact.exact_test`.
    """
    if values.ndim != 2 or len(values) != len(sides):
        raise ValueError("values must be [tracks, features], with the tracks of sides")
    scores = usable_scores(values, max_missing=max_missing)
    features = standardised(scores.values)
    weights = np.ones(values.shape[1]) if headline is None else np.asarray(headline, dtype=np.float64)
    if weights.shape != (values.shape[1],) or (weights < 0).any():
        raise ValueError("headline must be [features], none negative")
    weights = weights[scores.kept]
    # A headline whose every feature was dropped says nothing; all features then speak equally.
    weights = weights if weights.any() else np.ones(len(weights))
    fixed, counts = fixed_columns(features, weights, scorers)
    return Columns(
        values=np.concatenate([features, fixed], axis=1),
        counts=counts,
        scores=scores,
        headline=weights,
        sides=Sides(
            sides.is_suspect,
            codes_by_content(scores.values, sides.groups),
            strata=None if sides.strata is None else sides.stratum_codes,
            pairs=None if sides.pairs is None else codes(sides.pairs),
        ),
    )


def label_free_fit(covariates: Floats, groups: int) -> Projection:
    """Return the fit that `compare` makes of sets with so many groups; it depends on neither labels nor features."""
    design = blind_design(covariates)
    return project(design, np.ones(len(design)), budget=LABEL_FREE_DF_SHARE * groups)


def compare(
    columns: Columns, *, permutations: int, covariates: Floats | Projection | None = None, directed: bool = True
) -> Comparison:
    """Return the comparison of sets, within strata where there are any, or of pairs.

    Parameters
    ----------
    columns
        See `columns_of`.
    permutations
        Labellings drawn where there are more than that.
    covariates
        ``[tracks, blind features]`` whose part is taken out of every column; for sets also their `label_free_fit`.
    directed
        Whether the lesser difference counts; otherwise that with the covariates' part taken out once.
    """
    sides = columns.sides
    if sides.pairs is not None:
        if isinstance(covariates, Projection):
            raise ValueError("differences within pairs are fitted anew: give the covariates themselves")
        design = None if covariates is None else blind_design(covariates)
        return _paired(columns, sides.pairs, permutations, design, directed=directed)
    once = twice = columns.values
    if covariates is not None:
        fit = covariates
        if not isinstance(fit, Projection):
            fit = label_free_fit(fit, int(sides.groups.max()) + 1)
        explained = fit.fitted(once)
        # A missing value is neutral, whatever its track sounds like.
        explained[:, : columns.features][columns.scores.absent] = 0.0
        once, twice = once - explained, once - (1 + RESERVE) * explained
    rows = group_rows(once, sides.groups, strata=sides.strata)
    plain = SetDifferences(rows.values, rows.weights)
    differences: Differences = plain
    if covariates is not None and directed:
        reserved = group_rows(twice, sides.groups, strata=sides.strata)
        differences = LesserDifferences(plain, SetDifferences(reserved.values, reserved.weights))
    return Comparison(
        columns=columns,
        rows=rows,
        track_values=once,
        track_row=sides.groups,
        reference=sides.labellings(permutations),
        differences=differences,
    )


def _paired(columns: Columns, pairs: Ints, permutations: int, design: Floats | None, *, directed: bool) -> Comparison:
    found = pair_rows(columns.values, columns.sides.is_suspect, columns.sides.groups, pairs)
    once = twice = found.values
    if design is not None:
        apart = pair_rows(design, columns.sides.is_suspect, columns.sides.groups, pairs).values
        budget = LABEL_FREE_DF_SHARE * (int(found.unit.max()) + 1)
        explained = project(apart, np.ones(len(apart)), budget=budget, intercept=False).fitted(once)
        once, twice = once - explained, once - (1 + RESERVE) * explained
    units = unit_rows(once, found.unit)
    plain = PairDifferences(units.values, units.weights)
    differences: Differences = plain
    if design is not None and directed:
        reserved = unit_rows(twice, found.unit)
        differences = LesserDifferences(plain, PairDifferences(reserved.values, reserved.weights))
    return Comparison(
        columns=columns,
        rows=units,
        track_values=columns.values,
        track_row=found.unit[pairs],
        reference=Flips(units=len(units.values), permutations=permutations),
        differences=differences,
    )
