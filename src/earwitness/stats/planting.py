"""What an audit would have found: effects planted into its own tracks, and the whole verdict run on them.

Goal: the smallest effect that *this* audit finds in four of five repetitions, whatever stands
between p and verdict. A formula knows neither the scorers nor the gate nor how groups differ
in size. Conventions: values are oriented, higher = more member-like; only their ranks
matter, so they enter as normal scores; an effect is stated as the AUC of a used track's
mean score against held-out tracks; NaN stays NaN.

A repetition draws each side's own groups with replacement, so sizes, spreads and
correlations stay what they are on that side; before that the suspects are moved to where the
held-out tracks are, so that nothing but the planted effect is left of a difference.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import ceil

import numpy as np
from scipy.stats import norm

from earwitness.stats.grouping import normal_scores
from earwitness.types import Bools, Floats, Ints

_LEVELS = 32
_LARGEST_AUC = 0.999


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Repetition:
    """One repeated audit: planted values, and which tracks stand in it.

    Attributes
    ----------
    values
        ``[rows, features]`` with the effect in them.
    rows
        ``[rows]`` the audit's track behind each row, for whatever else is known of it (side, blind features).
    copy
        ``[rows]`` which draw of its group a row belongs to: two draws of one group are two groups.
    """

    values: Floats
    rows: Ints
    copy: Ints

    def labels(self, of_tracks: Ints) -> Ints:
        """Return codes for labels ``[tracks]`` (groups, pairs) in which every draw is one of its own."""
        pairs = np.column_stack([np.asarray(of_tracks)[self.rows], self.copy])
        codes: Ints = np.unique(pairs, axis=0, return_inverse=True)[1].ravel()
        return codes


Found = Callable[[Repetition, int], bool]
"""Whether an audit of a repetition ends in evidence; the number is its seed."""


def smallest_effect(
    values: Floats,
    is_suspect: Bools,
    units: Ints,
    *,
    found: Found,
    power: float = 0.8,
    draws: int = 20,
    fraction: float = 1.0,
    paired: bool = False,
    seed: int = 0,
) -> float | None:
    """Return the smallest AUC that an audit like this one finds with the stated power.

    In each of ``draws`` repetitions the smallest planted step that is found is looked for by bisection
    (32 steps, evenly spaced in standard deviations); the answer is the smallest step that is enough in
    a share ``power`` of them.

    Parameters
    ----------
    values
        ``[tracks, features]``.
    is_suspect
        ``[tracks]``.
    units
        ``[tracks]`` codes of what is drawn: groups, or with ``paired`` what is relabelled as a whole.
    found
        Runs the verdict.
    fraction
        Share of the suspect tracks that the effect is planted in.
    paired
        Units hold tracks of both sides and are drawn whole.
    seed
        Of draws and of the repeated audits.

    Returns
    -------
    float or None
        ``None`` where not even an AUC of .999 is found that often.
    """
    scores = _aligned(values, is_suspect)
    steps = np.linspace(0, _largest_step(scores, is_suspect), _LEVELS + 1)[1:]
    needed = []
    for rows, copy, used, run_seed in _repetitions(is_suspect, units, draws, fraction, paired, seed):

        def enough(level: int, rows: Ints = rows, copy: Ints = copy, used: Bools = used, seed: int = run_seed) -> bool:
            planted = scores[rows] + steps[level] * used[:, None]
            return found(Repetition(values=planted, rows=rows, copy=copy), seed)

        needed.append(_first(enough))
        if needed.count(_LEVELS) > draws - ceil(power * draws):
            return None
    level = sorted(needed)[ceil(power * draws) - 1]
    return None if level == _LEVELS else auc_of_step(float(steps[level]), scores, is_suspect)


def found_share(
    values: Floats,
    is_suspect: Bools,
    units: Ints,
    *,
    auc: float,
    found: Found,
    draws: int = 200,
    fraction: float = 1.0,
    paired: bool = False,
    seed: int = 0,
) -> int:
    """Return in how many of ``draws`` repetitions an effect of this AUC is found; see `smallest_effect`."""
    scores = _aligned(values, is_suspect)
    step = step_of_auc(auc, scores, is_suspect)
    return sum(
        found(Repetition(values=scores[rows] + step * used[:, None], rows=rows, copy=copy), run_seed)
        for rows, copy, used, run_seed in _repetitions(is_suspect, units, draws, fraction, paired, seed)
    )


def auc_of_step(step: float, scores: Floats, is_suspect: Bools) -> float:
    """AUC of the mean score of a track raised by ``step`` in every feature: ``Φ(step / (σ√2))``."""
    return float(norm.cdf(step / (np.sqrt(2) * _spread(scores, is_suspect))))


def step_of_auc(auc: float, scores: Floats, is_suspect: Bools) -> float:
    """The inverse of `auc_of_step`."""
    return float(np.sqrt(2) * norm.ppf(auc) * _spread(scores, is_suspect))


def _largest_step(scores: Floats, is_suspect: Bools) -> float:
    return step_of_auc(_LARGEST_AUC, scores, is_suspect)


def _spread(scores: Floats, is_suspect: Bools) -> float:
    """Standard deviation of the tracks' mean score within a side."""
    present = (~np.isnan(scores)).sum(axis=1)
    means = np.nansum(scores, axis=1) / np.where(present > 0, present, np.nan)
    within = np.concatenate([side - np.nanmean(side) for side in (means[is_suspect], means[~is_suspect])])
    return max(float(np.nanstd(within)), 1e-12)


def _aligned(values: Floats, is_suspect: Bools) -> Floats:
    """Normal scores with the suspects moved to the held-out tracks' mean, feature by feature; constants become NaN."""
    aligned = np.where(np.isnan(values), np.nan, normal_scores(values))
    # What does not vary is no feature, and must not become one by having an effect planted into it.
    aligned[:, [np.unique(column[~np.isnan(column)]).size < 2 for column in values.T]] = np.nan
    for column in aligned.T:
        a, b = column[is_suspect], column[~is_suspect]
        if not (np.isnan(a).all() or np.isnan(b).all()):
            column[is_suspect] = a - np.nanmean(a) + np.nanmean(b)
    return aligned


def _repetitions(
    is_suspect: Bools, units: Ints, draws: int, fraction: float, paired: bool, seed: int
) -> Iterator[tuple[Ints, Ints, Bools, int]]:
    """Yield the rows of each repetition, their copies, which of them get the effect, and the audit's seed."""
    rng = np.random.default_rng(seed)
    for _ in range(draws):
        rows, copy = _drawn(is_suspect, units, rng, paired=paired)
        used = np.zeros(len(rows), dtype=np.bool_)
        suspects = np.flatnonzero(is_suspect[rows])
        used[rng.permutation(suspects)[: max(1, round(fraction * len(suspects)))]] = True
        yield rows, copy, used, int(rng.integers(2**31))


def _drawn(is_suspect: Bools, units: Ints, rng: np.random.Generator, *, paired: bool) -> tuple[Ints, Ints]:
    """Draw as many units as there are, with replacement, on each side by itself unless they span both."""
    sides = [np.ones(len(units), dtype=np.bool_)] if paired else [is_suspect, ~is_suspect]
    rows, copies = [], []
    for side in sides:
        names = np.unique(units[side])
        for number, name in enumerate(rng.choice(names, len(names)).tolist()):
            members = np.flatnonzero(units == name)
            rows.append(members)
            copies.append(np.full(len(members), number))
    return np.concatenate(rows), np.concatenate(copies)


def _first(enough: Callable[[int], bool]) -> int:
    """Return the first level that is enough, taking larger ones for enough too; the number of levels if none is."""
    low, high = 0, _LEVELS
    while low < high:
        middle = (low + high) // 2
        if enough(middle):
            high = middle
        else:
            low = middle + 1
    return low
