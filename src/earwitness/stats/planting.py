"""What an audit would have found: effects planted into its own tracks, and the whole verdict run on them.

Goal: the smallest effect that *this* audit finds in four of five repetitions, whatever stands
between p and verdict. A formula knows neither the scorers nor the gate nor how groups differ
in size. Conventions: values are oriented, higher = more member-like; only their ranks
matter, so they enter as normal scores; NaN stays NaN; an effect is a step in every feature of
the headline (the score fixed in advance), and is stated as the AUC of that score.

A repetition keeps everything of the audit that no model made: its tracks, sides, groups, pairs, strata
and blind features, with whatever tells the sets apart in them. Of the features it keeps what the blind
features say about them; the difference between the sides is taken out, and what is left is turned
around, for whole groups (units of pairs) at random: a wild bootstrap (Wu 1986; Cameron, Gelbach &
Miller 2008). Nothing is drawn twice. Drawing groups with replacement, from held-out tracks or from both
sets, leaves too few different tracks for so many blind features, and promises far too much
(docs/design/exact.md).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import ceil

import numpy as np
from scipy.stats import norm

from earwitness.stats.grouping import group_means, normal_scores, standardised, varying
from earwitness.stats.projection import LABEL_FREE_DF_SHARE, blind_design, project
from earwitness.types import Bools, Floats, Ints

# Steps in standard deviations of the headline score, a tenth apart, from an AUC of .504 to one of .999.
_STEPS = np.geomspace(0.015, np.sqrt(2) * norm.ppf(0.999), 61)
_NEVER = len(_STEPS)
_LEAST_REMAINDER = 0.25


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Original:
    """The audit that is repeated.

    Attributes
    ----------
    values
        ``[tracks, features]``.
    is_suspect, units
        ``[tracks]`` sides, and codes of what is exchanged as a whole: groups, or units of pairs.
    headline
        ``[features]`` proportions of the score that the effect is planted in.
    covariates
        ``[tracks, blind features]`` or None.
    strata
        ``[tracks]`` codes of strata, or None.
    """

    values: Floats
    is_suspect: Bools
    units: Ints
    headline: Floats
    covariates: Floats | None = None
    strata: Ints | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Repetition:
    """One repeated audit before anything is planted.

    Attributes
    ----------
    scores
        ``[tracks, features]`` normal scores without a difference between the sides that is not the blind features'.
    used
        ``[tracks]`` which suspects the effect is planted in.
    unit
        ``[features]`` what one standard deviation of the headline score is in each of its features; 0 elsewhere.
    seed
        Of the repeated audit.
    """

    scores: Floats
    used: Bools
    unit: Floats
    seed: int

    def planted(self, step: float) -> Floats:
        """Return the scores with the headline of the used tracks raised by ``step`` standard deviations."""
        raised: Floats = self.scores + step * np.outer(self.used, self.unit)
        return raised

    def apart(self, is_suspect: Bools) -> Floats:
        """Return ``[levels]`` how far the sets are apart in the planted features after each of the steps."""
        score = np.nan_to_num(self.scores) @ self.unit
        before = score[is_suspect].mean() - score[~is_suspect].mean()
        return np.asarray(before + _STEPS * float(self.unit @ self.unit) * self.used[is_suspect].mean())


Found = Callable[[Repetition, Floats], bool]
"""Whether the audit of a repetition with these planted values ``[tracks, features]`` ends in evidence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Detectable:
    """The smallest effect found with the stated power; ``auc`` is None where not even one of .999 is."""

    auc: float | None
    draws: int


def smallest_effect(
    original: Original,
    *,
    found: Found,
    power: float = 0.8,
    draws: int = 30,
    fraction: float = 1.0,
    seed: int = 0,
) -> Detectable:
    """Return the smallest AUC that an audit like this one finds with the stated power.

    In each of ``draws`` repetitions the smallest planted step that is found is looked for by bisection over
    steps a tenth apart; the answer is the smallest step that is enough in a share ``power`` of them. The power
    at the answer is known as well as so few draws allow: within about .14 of .8 for 30 draws.

    Parameters
    ----------
    found
        Runs the verdict; a larger step is taken for at least as easy to find.
    fraction
        Share of the suspect tracks that the effect is planted in.
    seed
        Of draws and of the repeated audits.
    """
    needed: list[int] = []
    heights: list[float] = []
    spared = draws - ceil(power * draws)
    for repetition in repetitions(original, draws=draws, fraction=fraction, seed=seed):

        def enough(level: int, repetition: Repetition = repetition) -> bool:
            return found(repetition, repetition.planted(float(_STEPS[level])))

        # Repetitions differ in what they need, and hardly in how far apart the sets then are.
        apart = repetition.apart(original.is_suspect)
        level = (
            _first(enough, guess=int(np.searchsorted(apart, np.median(heights))), reach=1)
            if heights
            else _first(enough, guess=_NEVER // 2)
        )
        needed.append(level)
        if level < _NEVER:
            heights.append(float(apart[level]))
        elif needed.count(_NEVER) > spared:
            return Detectable(auc=None, draws=len(needed))
    level = sorted(needed)[ceil(power * draws) - 1]
    auc = None if level == _NEVER else auc_of_step(float(_STEPS[level]))
    return Detectable(auc=auc, draws=draws)


def auc_of_step(step: float) -> float:
    """AUC between normal scores of sd 1 of which one set is raised by ``step``: ``Φ(step/√2)``."""
    return float(norm.cdf(step / np.sqrt(2)))


def step_of_auc(auc: float) -> float:
    """The inverse of `auc_of_step`."""
    return float(np.sqrt(2) * norm.ppf(auc))


def repetitions(original: Original, *, draws: int, fraction: float = 1.0, seed: int = 0) -> Iterator[Repetition]:
    """Yield repetitions of the audit without an effect."""
    rng = np.random.default_rng(seed)
    kept, rest = _without_difference(original)
    unit = np.where(original.headline > 0, _step_a_feature(original), 0.0)
    suspects = np.flatnonzero(original.is_suspect)
    for _ in range(draws):
        turned = rng.choice((-1.0, 1.0), int(original.units.max()) + 1)[original.units]
        used = np.zeros(len(kept), dtype=np.bool_)
        used[rng.permutation(suspects)[: max(1, round(fraction * len(suspects)))]] = True
        scores = kept + turned[:, None] * rest
        yield Repetition(scores=scores, used=used, unit=unit, seed=int(rng.integers(2**31)))


def _without_difference(original: Original) -> tuple[Floats, Floats]:
    """Return what the blind features say of each normal score, and the rest at full size, both without the sides.

    The blind features' part is fitted within sides (and strata), so that no difference between these enters it,
    and then said of every track. Fitting and centring make the rest smaller; it is brought back to size.
    """
    scores = np.where(np.isnan(original.values), np.nan, normal_scores(original.values))
    # What does not vary is no feature, and must not become one by having an effect planted into it.
    scores[:, ~varying(original.values)] = np.nan
    stratum = np.zeros(len(scores), dtype=np.intp) if original.strata is None else original.strata
    cell = np.unique(2 * stratum + original.is_suspect, return_inverse=True)[1]
    known = np.nan_to_num(scores)
    rest, kept = _centred(known, cell), np.zeros(known.shape)
    left = np.ones(len(scores))
    if original.covariates is not None and (design := blind_design(original.covariates)).size:
        within = _centred(design, cell)
        units = int(original.units.max()) + 1
        fit = project(within, np.ones(len(within)), budget=LABEL_FREE_DF_SHARE * units)
        explained = fit.fitted(rest)
        slopes = np.linalg.lstsq(within, explained, rcond=None)[0]
        kept, rest = _centred(design, stratum) @ slopes, rest - explained
        left = np.maximum(1 - fit.leverage(np.arange(len(design))), _LEAST_REMAINDER)
    many = np.array([len(np.unique(original.units[cell == code])) for code in range(int(cell.max()) + 1)])
    rest = rest * np.sqrt(many / np.maximum(many - 1, 1))[cell][:, None] / np.sqrt(left)[:, None]
    return np.where(np.isnan(scores), np.nan, kept), rest


def _centred(values: Floats, codes: Ints) -> Floats:
    return np.asarray(values - group_means(values, codes)[codes])


def _step_a_feature(original: Original) -> float:
    """What one standard deviation of the headline score is, as a step in the normal scores of each of its features.

    Within sides, and after what the blind features say about the score was taken out, as in the test.
    """
    scores = normal_scores(original.values)
    spread = scores.std(axis=0)
    weights = np.where(spread > 0, original.headline, 0.0)
    score = standardised(scores) @ weights
    if original.covariates is not None and (design := blind_design(original.covariates)).size:
        budget = LABEL_FREE_DF_SHARE * len(np.unique(original.units))
        score = score - project(design, np.ones(len(design)), budget=budget).fitted(score[:, None])[:, 0]
    sides = [score[side] - score[side].mean() for side in (original.is_suspect, ~original.is_suspect)]
    moved_by = float((weights[spread > 0] / spread[spread > 0]).sum())
    return float(np.concatenate(sides).std()) / moved_by if moved_by > 0 else 0.0


def _first(enough: Callable[[int], bool], *, guess: int, reach: int = 2) -> int:
    """Return the first level that is enough, taking larger ones for enough too; the number of levels if none is.

    Doubles its reach around a guess before it bisects: most repetitions need about the same.
    """
    low, high = 0, _NEVER
    at = min(guess, _NEVER - 1)
    if enough(at):
        high = at
        while high > 0 and reach < _NEVER:
            at = max(high - reach, 0)
            if not enough(at):
                low = at + 1
                break
            high, reach = at, 2 * reach
    else:
        low = at + 1
        while low < _NEVER and reach < 2 * _NEVER:
            at = min(low + reach, _NEVER - 1)
            if enough(at):
                high = at
                break
            low, reach = at + 1, 2 * reach
    while low < high:
        middle = (low + high) // 2
        if enough(middle):
            high = middle
        else:
            low = middle + 1
    return low
