"""Adjusted analyses for sets that differ without the model.

Goal: where the blind gate does not pass, a rejection of the plain test may mean no more than
"these sets sound different". Each analysis here asks again with that difference taken into
account. Conventions: values are oriented, higher = more member-like; NaN is missing and a
p-value that cannot be had is NaN; groups are whole.

`residualised` (see `earwitness.stats.residualised`) is the default, by measurement
(docs/design/blind.md); the stratified test is the plainer check, at a price in tracks;
difference-in-differences needs a reference model.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from earwitness.stats.comparison import RESERVE, columns_of
from earwitness.stats.exact import ExactSettings, ExactTest, exact_test
from earwitness.stats.grouping import Floats, Ints, group_means
from earwitness.stats.projection import MAX_DF_SHARE, blind_design, project
from earwitness.stats.residualised import NOTHING_LEFT, balance, null_table, p_among

_GROUPS_PER_STRATUM = 16
_MOST_STRATA = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjusted:
    """An adjusted p-value, how it was found, on how many tracks, and a sentence for the reader.

    ``effect_ratio`` is the difference between the sets in the score that carried the plain test, after and
    before the blind features were balanced; NaN where there was no difference before, or for a method
    that does not give it.
    """

    p_value: float
    method: str
    n_tracks_used: int
    detail: str
    effect_ratio: float = float("nan")


def adjusted_p_value(
    values: Floats,
    blind_values: Floats,
    is_suspect: ArrayLike,
    groups: ArrayLike,
    *,
    weights: Floats,
    settings: ExactSettings | None = None,
    seed: int = 0,
    headline: ArrayLike | None = None,
    strata: ArrayLike | None = None,
    pairs: ArrayLike | None = None,
    unmeasured: float = RESERVE,
) -> Adjusted:
    """The default adjusted analysis: the residualised test, what it left of the effect and what it could balance.

    Parameters
    ----------
    weights
        ``[features]`` of the score whose effect is followed, per standard deviation; NaN = dropped.
    unmeasured
        κ of `earwitness.stats.residualised`: differences that nobody measured are granted κ times the
        strength of all measured ones together.

    The other parameters and errors are those of `residualised_test`.
    """
    settings = settings or ExactSettings()
    scorers = settings.rules(headline)
    columns = columns_of(
        values, is_suspect, groups,
        scorers=scorers, max_missing=settings.max_missing, headline=headline, strata=strata, pairs=pairs,
    )  # fmt: skip
    balanced = balance(columns, blind_values)
    before, after = balanced.effects(np.nan_to_num(weights[columns.scores.kept]))
    p_value = float("nan")
    if balanced.contrast_left >= NOTHING_LEFT:
        p_value, _ = p_among(null_table(balanced, scorers, settings.permutations, seed), balanced, scorers, unmeasured)
    extent = "fully" if balanced.complete else f"as far as {MAX_DF_SHARE:.0%} of the groups' degrees of freedom allow"
    detail = (
        f"The blind features were balanced {extent} ({balanced.degrees_of_freedom:.0f} degrees of freedom); "
        f"{balanced.contrast_left:.0%} of the contrast between the sets is left to test."
    )
    return Adjusted(
        p_value=p_value,
        method="residualised",
        n_tracks_used=len(values),
        detail=detail,
        effect_ratio=after / before if before > 0 else float("nan"),
    )


def stratified_test(
    values: Floats,
    blind_values: Floats,
    is_suspect: ArrayLike,
    groups: ArrayLike,
    *,
    settings: ExactSettings | None = None,
    seed: int = 0,
) -> Adjusted:
    """Permute labels only among groups that look equally much like suspects, blindly.

    The blind propensity is the in-sample ridge fit of the label on the groups' blind features; strata
    are its quantiles, one for every 16 groups (2–10). Strata with one role alone are dropped. Given the
    strata the permutation is exact where features do not depend on the blind features within a stratum;
    what dependence is left inside one is not adjusted for.

    Parameters
    ----------
    values, blind_values, is_suspect, groups, settings, seed
        As in `residualised_test`; every setting of the exact test applies.

    Returns
    -------
    Adjusted
        ``p_value`` is NaN and ``n_tracks_used`` 0 where no stratum holds both roles.

    Notes
    -----
    Rosenbaum & Rubin (1984) for five strata and upwards; the fit is in sample because strata are
    conditioned on: see `earwitness.stats.projection`.
    """
    labels = np.asarray(is_suspect, dtype=np.bool_)
    codes = np.unique(np.asarray(groups), return_inverse=True)[1]
    side = group_means(labels.astype(np.float64)[:, None], codes)
    fit = project(group_means(blind_design(blind_values), codes), np.ones(len(side)), budget=MAX_DF_SHARE * len(side))
    # Rounded, so that groups with the same blind features stay together.
    strata = _quantile_strata(np.round(fit.fitted(side)[:, 0], 9))
    mixed = np.array([0 < side[strata == code].mean() < 1 for code in range(strata.max() + 1)])
    kept = mixed[strata][codes]
    used = int(kept.sum())
    detail = (
        f"Labels were permuted within {int(mixed.sum())} of {len(mixed)} strata of equal blind propensity; "
        f"{used} of {len(values)} tracks lie in a stratum that holds both sets."
    )
    if not used:
        return Adjusted(p_value=float("nan"), method="stratified", n_tracks_used=0, detail=detail)
    found = exact_test(
        values[kept], labels[kept], codes[kept], settings=settings, seed=seed, strata=strata[codes][kept]
    )
    return Adjusted(p_value=found.p_value, method="stratified", n_tracks_used=used, detail=detail)


def difference_in_differences(
    values: Floats,
    reference_values: Floats,
    is_suspect: ArrayLike,
    groups: ArrayLike,
    *,
    settings: ExactSettings | None = None,
    seed: int = 0,
) -> ExactTest:
    """The exact test on target minus reference: what a model that cannot have seen S says of the same tracks.

    ``p`` is exact where the target's and the reference's features differ by the same distribution in
    both sets (parallel models). A shift that moves both alike cancels, whatever its form; one that moves
    the target more does not.

    Parameters
    ----------
    values, reference_values
        ``[tracks, features]`` of the same named features in the same units and order, oriented; a value
        missing on either side is missing in the difference.
    is_suspect, groups, settings, seed
        As in the exact test.

    Raises
    ------
    ValueError
        If the two tables differ in shape.
    """
    if values.shape != reference_values.shape:
        raise ValueError(f"target and reference hold {values.shape} and {reference_values.shape} values; match them")
    return exact_test(values - reference_values, is_suspect, groups, settings=settings, seed=seed)


def _quantile_strata(propensity: Floats) -> Ints:
    """``[groups]`` codes 0…; ties fall into one stratum."""
    count = int(np.clip(len(propensity) // _GROUPS_PER_STRATUM, 2, _MOST_STRATA))
    inner = np.quantile(propensity, np.arange(1, count) / count)
    return np.asarray(np.unique(np.digitize(propensity, inner), return_inverse=True)[1])
