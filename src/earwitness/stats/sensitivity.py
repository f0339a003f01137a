"""The tipping point: how strong an unmeasured difference would have to be to explain a rejection.

Goal: what no statistic can see stays the reader's risk; here it gets a size. Conventions: effects are
differences suspect − held-out in the score that carried the test, in standard deviations of the
score's group rows; values are oriented, higher = more member-like; blind features have no direction.

Every blind feature *explains* a part of the effect: the effect before, less the effect after that
feature alone is balanced. An unmeasured difference explains the rest if it explains what is left after
all blind features, beyond what chance would allow; that is stated in multiples of what each blind
feature explains.
"""

from dataclasses import dataclass

import numpy as np

from earwitness.stats.comparison import Columns, columns_of
from earwitness.stats.exact import ExactSettings
from earwitness.stats.grouping import varying
from earwitness.stats.residualised import NOTHING_LEFT, Balanced, balance
from earwitness.stats.sides import Sides
from earwitness.types import Floats, Ints

_DRAWS = 1999


@dataclass(frozen=True, slots=True, kw_only=True)
class TippingPoint:
    """What an unmeasured difference would have to do.

    Attributes
    ----------
    plain, adjusted
        The effect before and after all blind features were balanced, in standard deviations.
    needed
        The part of the effect that an unmeasured difference must explain for the adjusted test of this
        score to miss its level; 0 where it misses it already.
    strongest
        ``[blind features]`` which blind feature explains most, second most …: column numbers.
    explained
        ``[blind features]`` what each explains by itself, in that order, absolute.
    multiples
        ``[blind features]`` ``needed/explained``: an unmeasured difference this many times as strong as the
        k-th strongest blind feature would be enough. Infinite where a feature explains nothing.
    """

    plain: float
    adjusted: float
    needed: float
    strongest: Ints
    explained: Floats
    multiples: Floats


def tipping_point(
    values: Floats,
    blind_values: Floats,
    sides: Sides,
    *,
    weights: Floats,
    alpha: float = 0.01,
    seed: int = 0,
) -> TippingPoint:
    """Return how strong an unmeasured difference would be enough to explain the effect.

    Parameters
    ----------
    values, blind_values, sides
        As in `earwitness.stats.residualised.residualised_test`.
    weights
        ``[features]`` of the score whose effect is followed, per standard deviation; NaN = dropped.
    alpha
        Level that the adjusted effect has to miss.
    seed
        Of the shuffled contrasts that say what chance allows.

    Raises
    ------
    ValueError
        As `residualised_test`.

    Notes
    -----
    Cornfield et al. (1959); Rosenbaum (2002), ch. 4; Cinelli & Hazlett (2020) for multiples of observed
    covariates.
    """
    columns = columns_of(values, sides, scorers=(), max_missing=ExactSettings().max_missing)
    score = np.nan_to_num(weights[columns.scores.kept])
    every = balance(columns, blind_values)
    plain, adjusted = every.effects(score)
    explained = np.array([_explained(columns, column, score) for column in blind_values.T])
    order = np.argsort(-np.abs(explained), kind="stable")
    needed = max(adjusted - _by_chance(every, score, alpha, seed), 0.0) if every.contrast_left >= NOTHING_LEFT else 0.0
    sizes = np.abs(explained[order])
    return TippingPoint(
        plain=plain,
        adjusted=adjusted,
        needed=needed,
        strongest=order,
        explained=sizes,
        multiples=np.divide(needed, sizes, out=np.full(len(sizes), np.inf), where=sizes > 1e-12),
    )


def _explained(columns: Columns, column: Floats, score: Floats) -> float:
    """Return what one blind feature by itself takes from the effect; nothing where it does not vary."""
    if not varying(column[:, None])[0]:
        return 0.0
    before, after = balance(columns, column[:, None]).effects(score)
    return before - after


def _by_chance(balanced: Balanced, score: Floats, alpha: float, seed: int) -> float:
    """Return the effect that shuffled contrasts exceed with chance alpha."""
    full_size = balanced.full_size[:, : balanced.features] @ (score * balanced.spread[: balanced.features])
    contrasts = balanced.contrasts(_DRAWS, np.random.default_rng(seed))
    null = full_size @ contrasts / np.sqrt(full_size**2 @ contrasts**2)
    own_error = np.sqrt(full_size**2 @ balanced.contrast**2) / float(balanced.contrast @ balanced.contrast)
    return float(np.quantile(null, 1 - alpha) * own_error)
