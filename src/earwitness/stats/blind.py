"""The blind gate: can the two sets be told apart without asking the model?

Goal: a test of membership means something only where the sets are alike in everything else.
Conventions: blind features have no direction, so the scorer is the unconstrained one; the
AUC is that of out-of-fold scores, one per group (the mean of its tracks), because groups are
what the exact test counts; "harmful" is the AUC at which a shift alone is as likely as not
to fire the test with this many groups.

Three states, because at an audit's usual size "no harmful difference" cannot be shown for
about four in ten perfectly comparable pairs of sets (docs/design/blind.md): `pass` — harm is ruled out;
`fail` — the sets do differ; `undecided` — neither. Evidence needs the adjusted analysis too
unless the gate passes.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.stats import norm

from earwitness.errors import EarwitnessError
from earwitness.stats.binomial import clopper_pearson
from earwitness.stats.exact import ExactSettings, unconstrained_test
from earwitness.stats.grouping import group_means, normal_scores, standardised, varying
from earwitness.stats.pairing import pair_rows
from earwitness.stats.roc import auc_delong
from earwitness.stats.sides import Sides, codes
from earwitness.types import Bools, Floats, Ints

GateState = Literal["pass", "undecided", "fail"]
FAIL_LEVEL = 0.05
# Fewer informative blind features than this are no check of whether the sets are comparable.
LEAST_INFORMATIVE = 5
# With fewer groups than this on a side no difference can be ruled out.
LEAST_GROUPS = 5
# With fewer than this the cross-fitted score may come out reversed, whatever the sets.
SMALL = 30
_COPIES = 0.999


@dataclass(frozen=True, slots=True, kw_only=True)
class BlindGate:
    """The gate's decision and the numbers behind it.

    Attributes
    ----------
    auc, low, high
        AUC over groups of the cross-fitted blind score, with its 95 % interval; for pairs the share of
        units whose suspect half scores higher.
    p_value
        Exact p of the unconstrained test on the blind features.
    harmful_auc
        The AUC that would fire a level-α test with these numbers of groups half the time.
    state
        ``fail`` where ``p_value ≤ FAIL_LEVEL``; else ``pass`` where ``high ≤ harmful_auc``, each side has
        `LEAST_GROUPS` or more and, with fewer than `SMALL`, ``high ≥ .5``: a cross-fitted score of few groups falls
        below .5 by the way it is made and shows no likeness; else ``undecided``.
    passes
        Whether the plain test may stand alone: ``pass`` alone.
    informative
        How many blind features can tell sets apart.
    """

    auc: float
    low: float
    high: float
    p_value: float
    harmful_auc: float
    state: GateState
    passes: bool
    informative: int = 0


def blind_gate(
    blind_values: Floats,
    sides: Sides,
    *,
    alpha: float = 0.01,
    settings: ExactSettings | None = None,
    seed: int = 0,
) -> BlindGate:
    """Compare the sets by their blind features alone.

    Parameters
    ----------
    blind_values
        ``[tracks, blind features]``; NaN = missing.
    sides
        As in `earwitness.stats.exact.exact_test`.
    alpha
        Level of the test that the gate guards.
    settings
        Permutations and missing rule; its scorers are not used.
    seed
        Of permutations.

    Raises
    ------
    EarwitnessError
        If no blind feature varies.
    """
    if not varying(blind_values).any():
        raise EarwitnessError(
            f"None of the {blind_values.shape[1]} blind features varies between tracks; "
            "extract them again, or leave the blind columns out."
        )
    test = unconstrained_test(blind_values, sides, settings=settings, seed=seed)
    if sides.pairs is None:
        auc, low, high, harmful, units = _between_sets(test.scores, sides.is_suspect, sides.group_codes, alpha)
    else:
        auc, low, high, harmful, units = _within_pairs(test.scores, sides, codes(sides.pairs), alpha)
    return BlindGate(
        auc=auc,
        low=low,
        high=high,
        p_value=test.p_value,
        harmful_auc=harmful,
        state=(state := _state(test.p_value, high, harmful, units)),
        passes=state == "pass",
        informative=int(informative(blind_values).sum()),
    )


def _between_sets(
    scores: Floats, labels: Bools, of_group: Ints, alpha: float
) -> tuple[float, float, float, float, int]:
    """Return the AUC over groups with its limits, the harmful one, and the smaller side's number of groups."""
    known = ~np.isnan(scores)
    codes_known = np.unique(of_group[known], return_inverse=True)[1]
    table = np.column_stack([scores[known], labels[known].astype(np.float64)])
    score, side = group_means(table, codes_known).T
    auc = auc_delong(score[side > 0.5], score[side < 0.5])
    counts = int((side > 0.5).sum()), int((side < 0.5).sum())
    return auc.estimate, auc.low, auc.high, harmful_auc(*counts, alpha=alpha), min(counts)


def _within_pairs(scores: Floats, sides: Sides, of_pair: Ints, alpha: float) -> tuple[float, float, float, float, int]:
    """Return the share of units of pairs whose suspect half scores higher, its limits, the harmful one, their number.

    A shift of D within pairs, in standard deviations of D, is won in Φ(D) of them and fires a paired
    level-α test half the time at ``D = z_{1−α}/√units``.
    """
    rows = pair_rows(np.nan_to_num(scores)[:, None], sides.is_suspect, sides.group_codes, of_pair)
    apart = group_means(rows.values, rows.unit)[:, 0]
    won = int((apart > 0).sum() + (apart == 0).sum() // 2)
    low, high = clopper_pearson(won, len(apart))
    harmful = float(norm.cdf(norm.isf(alpha) / np.sqrt(len(apart))))
    return won / len(apart), low, high, harmful, len(apart)


def informative(blind_values: Floats) -> Bools:
    """Return ``[features]`` whether a blind feature counts towards a check of comparability.

    It has a value for at least half of the tracks, varies, and orders the tracks differently from every
    one counted before it: copies, or one feature in other units, are one.
    """
    kept: Bools = varying(blind_values) & (np.isnan(blind_values).mean(axis=0) <= 0.5)
    scores = standardised(normal_scores(blind_values))
    alike = np.abs(scores.T @ scores) / len(scores) > _COPIES
    for index in np.flatnonzero(kept):
        kept[index] = not (alike[index, :index] & kept[:index]).any()
    return kept


def harmful_auc(n_suspect: int, n_held_out: int, *, alpha: float = 0.01) -> float:
    """The AUC whose shift alone fires a one-sided level-α test half the time: ``Φ(z_{1−α}/√n)``.

    ``n`` is the harmonic mean of the numbers of independent units per side.

    Examples
    --------
    >>> round(harmful_auc(85, 85), 2)
    0.6
    """
    harmonic = 2 * n_suspect * n_held_out / (n_suspect + n_held_out)
    return float(norm.cdf(norm.isf(alpha) / np.sqrt(harmonic)))


def _state(p_value: float, high: float, harmful: float, units: int) -> GateState:
    if p_value <= FAIL_LEVEL:
        return "fail"
    blind_itself = units < LEAST_GROUPS or (units < SMALL and high < 0.5)
    return "pass" if high <= harmful and not blind_itself else "undecided"
