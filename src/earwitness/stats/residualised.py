"""The residualised test: are the suspects more member-like than their sound explains?

Goal: a test of "features ⊥ label, given the blind features" that keeps its level under a
real shift between the sets. Conventions: values are oriented, higher = more member-like;
groups are the unit; everything is conditional on labels and blind features, so what is
permuted is the part of the *features* that the blind features leave over.

Feature j of group g leaves the residual ``e_gj``, the label leaves the contrast ``c_g`` (both
by `earwitness.stats.projection`), and ``t_j = Σ_g c_g e_gj``. Fitting makes residuals smaller
than the noise they stand for, but leaves ``t`` alone (``c`` is already orthogonal to what was
fitted), so those that are *shuffled* are brought back to size by their leverage, ``e/√(1−h)``;
else the observed ``t`` would look large among them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from earwitness.stats.exact import ExactSettings, share_as_large
from earwitness.stats.grouping import Bools, Floats, intraclass_correlation, normal_scores
from earwitness.stats.projection import Projection, blind_design, group_means, project, with_bends
from earwitness.stats.scorers import Scorer

# A group whose own residual is nearly fitted away must not be blown up to noise.
_LEAST_REMAINDER = 0.25
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
    """

    p_value: float
    scorer_p_values: dict[str, float]
    contrast_left: float
    degrees_of_freedom: float
    complete: bool


def residualised_test(
    values: Floats,
    blind_values: Floats,
    is_suspect: Bools,
    groups: ArrayLike,
    *,
    settings: ExactSettings | None = None,
    seed: int = 0,
) -> ResidualisedTest:
    """Test features against label after both lost what the blind features explain.

    ``p = (1 + #{m_b ≤ m_observed})/(1 + B)`` over B permutations of the residual rows over groups,
    with ``m`` the smallest of the scorers' p-values, as in the exact test. Exact only where features
    are a sum of lines and mild curves in the blind features and noise of one distribution; measured
    levels are in docs/design/blind.md.

    Parameters
    ----------
    values
        ``[tracks, features]`` oriented so that higher = more member-like; NaN = missing.
    blind_values
        ``[tracks, blind features]``, any direction; NaN = missing.
    is_suspect, groups
        ``[tracks]``; a group lies on one side.
    settings
        Permutations, largest missing share and scorers of the exact test; each scorer's statistic is
        formed in sample, ``Σ_j w_j(t) t_j``.
    seed
        Of the permutations.

    Raises
    ------
    ValueError
        If no feature or no blind feature varies, a group lies on both sides or a side is empty.

    Notes
    -----
    Freedman & Lane (1983) for permuted residuals; Shah & Peters, arXiv 1804.07203, for the double
    residual and for why no such test can hold its level under every possible shift.
    """
    settings = settings or ExactSettings()
    codes = np.unique(np.asarray(groups), return_inverse=True)[1]
    labels = np.asarray(is_suspect, dtype=np.float64)
    scores = _usable_scores(values, settings.max_missing)
    design = with_bends(blind_design(blind_values), labels)
    by_track = project(design, np.ones(len(design)))
    residuals = by_track.residuals(scores)
    sizes = np.bincount(codes)
    weights = sizes / (1 + (sizes - 1) * intraclass_correlation(residuals, codes))
    by_group = project(group_means(design, codes), weights)
    side = group_means(labels[:, None], codes)
    if not np.isin(side, (0.0, 1.0)).all() or side.min() == side.max():
        raise ValueError("each group must lie on one side, and both sides need one")
    contrast = by_group.residuals(side)[:, 0]
    left = _contrast_left(by_group, side[:, 0], contrast)
    remainder = np.maximum(1 - by_track.leverage(codes), _LEAST_REMAINDER)
    rows = group_means(residuals, codes) * np.sqrt(weights)[:, None]
    full_size = rows / np.sqrt(remainder)[:, None]
    p_value, own = (np.nan, {}) if left < 1e-6 else _permuted(rows, full_size, contrast, settings, seed)
    return ResidualisedTest(
        p_value=p_value,
        scorer_p_values=own,
        contrast_left=left,
        degrees_of_freedom=by_group.degrees_of_freedom,
        complete=by_group.complete,
    )


def _usable_scores(values: Floats, max_missing: float) -> Floats:
    scores = normal_scores(values)
    kept = (np.isnan(values).mean(axis=0) <= max_missing) & (scores.std(axis=0) > 0)
    if not kept.any():
        raise ValueError("every feature is constant or mostly missing")
    return np.asarray(scores[:, kept])


def _contrast_left(fit: Projection, labels: Floats, contrast: Floats) -> float:
    weights = fit.root_weights**2
    spread = float(weights @ (labels - weights @ labels / weights.sum()) ** 2)
    return float(contrast @ contrast) / spread


def _permuted(
    rows: Floats, full_size: Floats, contrast: Floats, settings: ExactSettings, seed: int
) -> tuple[float, dict[str, float]]:
    """Return the combined p and each scorer's: observed ``rows``, among shuffled ``full_size`` rows."""
    full_size = full_size - full_size.mean(axis=0)
    spread = np.sqrt((full_size**2).mean(axis=0))
    varying = spread > 1e-9
    if not varying.any():
        return np.nan, {}
    rows, full_size = rows[:, varying] / spread[varying], full_size[:, varying] / spread[varying]
    correlation = full_size.T @ full_size / len(full_size)
    scale = np.linalg.norm(contrast)
    rng = np.random.default_rng(seed)
    size = max(_BLOCK_NUMBERS // max(full_size.shape), 1)
    columns = [_statistics(rows, contrast[:, None] / scale, correlation, settings.scorers)]
    for start in range(0, settings.permutations, size):
        count = min(size, settings.permutations - start)
        shuffled = rng.permuted(np.tile(contrast / scale, (count, 1)), axis=1).T
        columns.append(_statistics(full_size, shuffled, correlation, settings.scorers))
    table = np.concatenate(columns, axis=1)
    p_values = np.stack([share_as_large(row) for row in table])
    smallest = p_values.min(axis=0)
    names = [scorer.name for scorer in settings.scorers]
    p_value = float((smallest <= smallest[0] + 0.5 / table.shape[1]).mean())
    return p_value, dict(zip(names, p_values[:, 0].tolist(), strict=True))


def _statistics(rows: Floats, contrasts: Floats, correlation: Floats, scorers: tuple[Scorer, ...]) -> Floats:
    """``[scorers, permutations]`` weighted sums of the standardised differences."""
    differences = rows.T @ contrasts
    return np.stack([(scorer.weights(differences, correlation) * differences).sum(axis=0) for scorer in scorers])
