"""The residualised test: are the suspects more member-like than their sound explains?

Goal: a test of "features ⊥ label, given the blind features" that keeps its level under a
real shift between the sets. Conventions: values are oriented, higher = more member-like;
groups are the unit (with pairs: differences within pairs, their units); everything is
conditional on labels and blind features, so what is permuted is the part of the *features*
that the blind features leave over.

Feature j of row g leaves the residual ``e_gj``, the label leaves the contrast ``c_g`` (both
by `earwitness.stats.projection`), and ``t_j = Σ_g c_g e_gj / √(Σ_g c_g² ẽ_gj²)`` with a standard
error of its own in every labelling. Fitting makes residuals smaller than the noise they stand for,
but leaves ``Σ c e`` alone (``c`` is already orthogonal to what was fitted), so those that are
*shuffled*, and those in the standard error, are brought back to size by their leverage,
``ẽ = e/√(1−h)``; else the observed ``t`` would look large among them.

**Unmeasured differences.** The label's effect on a column is ``plain`` before and ``adjusted`` after
balancing; ``plain − adjusted`` is what the measured differences explain. ``unmeasured = κ`` also
takes away κ times that: the p-value if differences that nobody measured were κ times as strong as all
measured ones together. Without membership and with blind features that catch a share q of what
differs, ``adjusted/plain ≈ 1 − q``, so κ = 1 holds the level from q = ½ on.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from earwitness.stats.comparison import Columns, columns_of
from earwitness.stats.exact import ExactSettings, share_as_large, smallest_p
from earwitness.stats.grouping import group_means, intraclass_correlation
from earwitness.stats.labellings import Flips
from earwitness.stats.pairing import pair_rows
from earwitness.stats.projection import MAX_DF_SHARE, blind_design, project, with_bends
from earwitness.stats.scorers import Scorer, statistics
from earwitness.stats.sides import Sides, per_group
from earwitness.types import Floats, Ints

# A row whose own residual is nearly fitted away must not be blown up to noise.
_LEAST_REMAINDER = 0.25
# Share of the label's variance below which there is nothing left to test.
NOTHING_LEFT = 1e-6
_BLOCK_NUMBERS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ResidualisedTest:
    """The outcome.

    Attributes
    ----------
    p_value
        One-sided; NaN where the blind features determine the label, so that nothing is left to test.
    scorer_p_values
        Each scorer's own p, not corrected for there being several.
    contrast_left
        Share of the label's variance over groups that the blind features leave, in [0, 1].
    degrees_of_freedom
        Spent on the label by the blind features.
    complete
        Whether the blind features were balanced fully (else shrunk, for want of groups).
    effect_ratio
        The difference between the sets in a score that is followed, after and before the blind features were
        balanced; NaN where none is, or where there was no difference before.
    """

    p_value: float
    scorer_p_values: dict[str, float]
    contrast_left: float
    degrees_of_freedom: float
    complete: bool
    effect_ratio: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Balanced:
    """Rows, contrast and effects after the blind features were balanced.

    Attributes
    ----------
    rows, full_size
        ``[rows, columns]`` residuals as they are and brought back to size, times the root of the row's
        weight; columns are features, then the fixed scorers', in standard deviations of a full-size residual.
    contrast
        ``[rows]`` what the blind features leave of the label.
    plain, adjusted
        ``[columns]`` the label's effect before and after, in standard deviations of the column.
    spread
        ``[columns]`` of a full-size residual, in standard deviations of the column.
    features, counts
        Number of columns that are features, and how many of the rest are each scorer's.
    contrast_left, degrees_of_freedom, complete
        See `ResidualisedTest`.
    strata
        ``[rows]`` codes of where rows may be shuffled; None where signs are turned instead (pairs).
    """

    rows: Floats
    full_size: Floats
    contrast: Floats
    plain: Floats
    adjusted: Floats
    spread: Floats
    features: int
    counts: tuple[int, ...]
    contrast_left: float
    degrees_of_freedom: float
    complete: bool
    strata: Ints | None

    def observed(self, unmeasured: float = 0.0) -> Floats:
        """Return ``t [columns, 1]`` as found, less ``unmeasured`` times what the measured differences explain."""
        explained = np.maximum(self.plain - self.adjusted, 0.0) / self.spread
        sums = self.contrast @ self.rows - unmeasured * explained * float(self.contrast @ self.contrast)
        return np.asarray((sums / self._scale(self.contrast[:, None])[:, 0])[:, None])

    def effects(self, weights: Floats) -> tuple[float, float]:
        """Return the label's effect on a score of the features, before and after; ``weights [features kept]``."""
        return float(weights @ self.plain[: self.features]), float(weights @ self.adjusted[: self.features])

    def shuffled(self, contrasts: Floats) -> Floats:
        """Return ``t [columns, labellings]`` for shuffled contrasts ``[rows, labellings]``."""
        return np.asarray(self.full_size.T @ contrasts / self._scale(contrasts))

    def contrasts(self, count: int, rng: np.random.Generator) -> Floats:
        """Return ``[rows, count]`` contrasts shuffled within strata, or with their signs turned."""
        if self.strata is None:
            signs = next(Flips(units=len(self.contrast), permutations=count).draw(rng, count))
            return np.asarray(signs * self.contrast[:, None])
        drawn = np.empty((len(self.contrast), count))
        for code in np.unique(self.strata):
            inside = self.strata == code
            drawn[inside] = rng.permuted(np.tile(self.contrast[inside], (count, 1)), axis=1).T
        return drawn

    def _scale(self, contrasts: Floats) -> Floats:
        spread = np.sqrt((self.full_size**2).T @ contrasts**2)
        return np.asarray(np.where(spread > 0, spread, np.inf))


def residualised_test(
    values: Floats,
    blind_values: Floats,
    sides: Sides,
    *,
    settings: ExactSettings | None = None,
    seed: int = 0,
    headline: ArrayLike | None = None,
    weights: Floats | None = None,
    unmeasured: float = 0.0,
    tested: bool = True,
) -> ResidualisedTest:
    """Test features against label after both lost what the blind features explain.

    ``p = (1 + #{m_b ≤ m_observed})/(1 + B)`` over B permutations of the residual rows over groups,
    with ``m`` the weighted minimum of the scorers' p-values, as in the exact test. Exact only where features
    are a sum of lines and mild curves in the blind features and noise of one distribution; measured
    levels are in docs/design/blind.md.

    Parameters
    ----------
    values
        ``[tracks, features]`` oriented so that higher = more member-like; NaN = missing.
    blind_values
        ``[tracks, blind features]``, any direction; NaN = missing.
    sides, headline
        As in `earwitness.stats.exact.exact_test`.
    settings
        Permutations, largest missing share and scorers of the exact test.
    seed
        Of the permutations.
    weights
        ``[features]`` of a score whose effect is followed, per standard deviation; NaN = dropped.
    unmeasured
        κ ≥ 0, see the module's head.
    tested
        Whether the p-value is wanted; without, it is NaN and what is left of the effect comes sooner.

    Raises
    ------
    ValueError
        If no feature or no blind feature varies, a group lies on both sides or a side is empty.

    Notes
    -----
    Freedman & Lane (1983) for permuted residuals; Shah & Peters, arXiv 1804.07203, for the double
    residual and for why no such test can hold its level under every possible shift; Cinelli & Hazlett
    (2020) for a confounder stated in multiples of what was measured.
    """
    settings = settings or ExactSettings()
    scorers = settings.rules(headline)
    columns = columns_of(values, sides, scorers=scorers, max_missing=settings.max_missing, headline=headline)
    balanced = balance(columns, blind_values)
    p_value, own = np.nan, dict[str, float]()
    if tested and balanced.contrast_left >= NOTHING_LEFT:
        null = null_table(balanced, scorers, settings.permutations, seed)
        p_value, own = p_among(null, balanced, scorers, unmeasured)
    before, after = (0.0, 0.0)
    if weights is not None:
        before, after = balanced.effects(np.nan_to_num(weights[columns.scores.kept]))
    return ResidualisedTest(
        p_value=p_value,
        scorer_p_values=own,
        contrast_left=balanced.contrast_left,
        degrees_of_freedom=balanced.degrees_of_freedom,
        complete=balanced.complete,
        effect_ratio=after / before if before > 0 else np.nan,
    )


def balance(columns: Columns, blind_values: Floats) -> Balanced:
    """Take out of every column, and of the label, what the blind features explain of it."""
    described = blind_design(blind_values)
    if not described.size:
        raise ValueError("no blind feature varies between the tracks")
    sides = columns.sides
    design = with_bends(described, sides.is_suspect.astype(np.float64))
    if sides.pairs is not None:
        apart = pair_rows(design, sides.is_suspect, sides.groups, sides.pairs)
        found = pair_rows(columns.values, sides.is_suspect, sides.groups, sides.pairs)
        ones = np.ones((int(apart.unit.max()) + 1, 1))
        return _balanced(columns, found.values, apart.values, apart.unit, ones, None)
    side = per_group(sides.is_suspect, sides.groups, "side").astype(np.float64)[:, None]
    if sides.strata is None:
        strata = np.zeros(len(side), dtype=np.intp)
        return _balanced(columns, columns.values, design, sides.groups, side, strata)
    strata = per_group(sides.strata, sides.groups, "stratum")
    values, design = _within(columns.values, sides.strata), _within(design, sides.strata)
    return _balanced(columns, values, design, sides.groups, _within(side, strata), strata)


def null_table(balanced: Balanced, scorers: tuple[Scorer, ...], permutations: int, seed: int) -> Floats:
    """Return ``[scorers, permutations]`` statistics of shuffled contrasts."""
    rng = np.random.default_rng(seed)
    size = max(_BLOCK_NUMBERS // max(balanced.full_size.shape), 1)
    blocks = []
    for start in range(0, permutations, size):
        contrasts = balanced.contrasts(min(size, permutations - start), rng)
        blocks.append(_statistics(balanced, balanced.shuffled(contrasts), scorers))
    return np.concatenate(blocks, axis=1)


def p_among(
    null: Floats, balanced: Balanced, scorers: tuple[Scorer, ...], unmeasured: float
) -> tuple[float, dict[str, float]]:
    """Return the combined p and each scorer's, of the observed rows among a `null_table`."""
    table = np.concatenate([_statistics(balanced, balanced.observed(unmeasured), scorers), null], axis=1)
    p_values = np.stack([share_as_large(row) for row in table])
    p_value = smallest_p(p_values, np.array([scorer.share for scorer in scorers]))
    return p_value, dict(zip((scorer.name for scorer in scorers), p_values[:, 0].tolist(), strict=True))


def _statistics(balanced: Balanced, differences: Floats, scorers: tuple[Scorer, ...]) -> Floats:
    features = balanced.full_size[:, : balanced.features]
    return statistics(differences, features.T @ features / len(features), scorers, balanced.counts)


def _balanced(
    columns: Columns, values: Floats, design: Floats, codes: Ints, side: Floats, strata: Ints | None
) -> Balanced:
    intercept = strata is not None
    by_row = project(design, np.ones(len(design)), budget=MAX_DF_SHARE * len(design), intercept=intercept)
    residuals = by_row.residuals(values)
    sizes = np.bincount(codes)
    correlated = intraclass_correlation(residuals, codes, centre_known=not intercept)
    weights = sizes / (1 + (sizes - 1) * correlated)
    by_group = project(group_means(design, codes), weights, budget=MAX_DF_SHARE * len(sizes), intercept=intercept)
    nothing = project(np.zeros((len(sizes), 1)), weights, budget=0.0, intercept=intercept)
    whole, contrast = nothing.residuals(side)[:, 0], by_group.residuals(side)[:, 0]
    root = np.sqrt(weights)[:, None]
    rows = group_means(residuals, codes) * root
    remainder = np.maximum(1 - by_row.leverage(codes), _LEAST_REMAINDER)
    full_size = rows / np.sqrt(remainder)[:, None]
    if intercept:
        full_size = full_size - full_size.mean(axis=0)
    spread = np.sqrt((full_size**2).mean(axis=0))
    spread = np.where(spread > 1e-9, spread, np.inf)
    left = float(contrast @ contrast) / float(whole @ whole)
    before = group_means(values, codes) * root
    return Balanced(
        rows=rows / spread,
        full_size=full_size / spread,
        contrast=contrast,
        plain=whole @ before / float(whole @ whole),
        adjusted=contrast @ rows / max(float(contrast @ contrast), 1e-300),
        spread=spread,
        features=columns.features,
        counts=columns.counts,
        contrast_left=left,
        degrees_of_freedom=by_group.degrees_of_freedom,
        complete=by_group.complete,
        strata=strata,
    )


def _within(values: Floats, strata: Ints) -> Floats:
    """Return values less their stratum's mean."""
    return np.asarray(values - group_means(values, strata)[strata])
