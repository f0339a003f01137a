"""The smallest effect that an audit could have found, by planting it and running the whole verdict.

Goal: "no evidence" says how much it says. See `earwitness.stats.planting` for what is drawn and planted.
"""

from collections.abc import Callable
from dataclasses import replace
from math import ceil

from earwitness.stats.blind import LEAST_INFORMATIVE, BlindGate
from earwitness.stats.planting import Original, Repetition, smallest_effect, step_of_auc
from earwitness.types import Floats
from earwitness.verdict.procedure import Divided, Procedure, fit_of
from earwitness.verdict.result import Power

DRAWS = 30
TESTS_A_DRAW = 4
"""About so many does a repetition take until its smallest effect is found."""
# Repetitions keep the blind features and the size of every deviation, so they vary less than fresh audits do:
# what nine of ten of them find, four of five fresh audits find (measured in docs/design/exact.md).
_OF_REPETITIONS = 0.9


def detectable(
    procedure: Procedure,
    sets: Divided,
    *,
    gate: BlindGate | None,
    auc: float | None,
    draws: int = DRAWS,
    seed: int = 0,
    after_each: Callable[[], object] = lambda: None,
) -> Power:
    """Return the smallest effect that audits like this one end in evidence for, in four of five.

    Parameters
    ----------
    procedure, sets
        The audit.
    gate
        Its blind gate: repetitions keep tracks and blind features, and so the state of the gate.
    auc
        The effect that was seen; from it and the smallest one follow the ``tracks_needed``.
    draws
        Repetitions; 0 leaves it all out.
    after_each
        Is called after each test.

    Returns
    -------
    Power
        ``at`` is ``p_value`` where no verdict of evidence was possible, so that only p ≤ α could be looked for.
    """
    if draws == 0:
        return Power(minimum_detectable_auc=None, tracks_needed=None)
    sides = sets.sides
    original = Original(
        values=sets.values,
        is_suspect=sides.is_suspect,
        units=sides.units,
        headline=procedure.headline,
        covariates=sets.covariates,
        strata=None if sides.strata is None else sides.stratum_codes,
    )
    fit = None if sides.paired else fit_of(sets.covariates, sum(sides.group_counts))
    repeated, fitted = procedure.repeated(), replace(sets, fit=fit, sides=sides.numbered())
    possible = procedure.comparable is not None or (gate is not None and gate.informative >= LEAST_INFORMATIVE)

    def enough(repetition: Repetition, values: Floats) -> bool:
        drawn = replace(fitted, values=values)
        if possible:
            found = repeated.finds(drawn, seed=repetition.seed, gate=gate)[1]
        else:
            found = repeated.test(drawn, seed=repetition.seed).p_value <= repeated.alpha
        after_each()
        return found

    smallest = smallest_effect(original, found=enough, power=_OF_REPETITIONS, draws=draws, seed=seed)
    return Power(
        minimum_detectable_auc=smallest.auc,
        tracks_needed=_tracks_needed(sets, smallest.auc, auc),
        draws=smallest.draws,
        at="verdict" if possible else "p_value",
    )


def _tracks_needed(sets: Divided, smallest: float | None, seen: float | None) -> int | None:
    """Tracks a side, in groups like these, to find the effect seen: their number goes with 1/d²."""
    if smallest is None or seen is None or not 0.5 < seen < 1:
        return None
    suspects = int(sets.sides.is_suspect.sum())
    a_side = 2 / (1 / suspects + 1 / (len(sets.values) - suspects))
    return max(ceil(a_side * (step_of_auc(smallest) / step_of_auc(seen)) ** 2), 2)
