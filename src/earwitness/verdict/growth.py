"""How the p-value falls as works are added: the audit's own test on parts of its two sets.

Goal: show a reader whether the answer hangs on all of the works or stands with half of them. Conventions: parts are
whole groups (of paired works, whole pairs), drawn at random from both sets alike; the last point is the audit itself.
A description: the draws overlap, so no point of it is a test of its own.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from earwitness.stats.sides import Sides
from earwitness.types import Ints
from earwitness.verdict.admission import any_usable
from earwitness.verdict.procedure import Divided, Procedure
from earwitness.verdict.result import GrowthPoint

DRAWS = 10
_PARTS = (0.25, 0.5, 0.75)
TESTS_OF_PARTS = DRAWS * len(_PARTS)
_LEAST_UNITS = 4


def growth(
    procedure: Procedure,
    sets: Divided,
    *,
    p_value: float,
    seed: int,
    draws: int = DRAWS,
    after_each: Callable[[], object] = lambda: None,
) -> list[GrowthPoint]:
    """Return the median p of parts of the sets, and the p-value of the whole as the last point.

    Parameters
    ----------
    procedure, sets
        The audit; parts are tested with fewer relabellings (`Procedure.repeated`).
    p_value
        That of the whole.
    draws
        Parts of each size. A size that leaves fewer than four units on a side is left out.
    after_each
        Is called after each test.
    """
    units, sides = sets.sides.units, sets.sides
    pools = (
        [np.unique(units)]
        if sides.paired
        else [np.unique(units[side]) for side in (sides.is_suspect, ~sides.is_suspect)]
    )
    repeated, points = procedure.repeated(), []
    for part in _PARTS:
        sizes = [round(part * len(pool)) for pool in pools]
        if min(sizes) < _LEAST_UNITS:
            continue
        rng = np.random.default_rng([seed, round(100 * part)])
        p_values, tracks = [], []
        for draw in range(draws):
            kept = np.concatenate(
                [rng.choice(pool, size, replace=False) for pool, size in zip(pools, sizes, strict=True)]
            )
            rows = np.flatnonzero(np.isin(units, kept))
            p_values.append(_p_value(repeated, sets, rows, draw))
            after_each()
            tracks.append(int(sides.is_suspect[rows].sum()))
        points.append(
            GrowthPoint(
                suspects=round(float(np.mean(tracks))),
                p_value=float(np.median(p_values)),
                lowest=min(p_values),
                highest=max(p_values),
            )
        )
    whole = int(sides.is_suspect.sum())
    return [*points, GrowthPoint(suspects=whole, p_value=p_value, lowest=p_value, highest=p_value)] if points else []


def _p_value(procedure: Procedure, sets: Divided, rows: Ints, seed: int) -> float:
    """The p-value of some tracks; 1 where none of their features varies."""
    sides = sets.sides
    part = Sides(
        sides.is_suspect[rows],
        sides.groups[rows],
        strata=None if sides.strata is None else sides.strata[rows],
        pairs=None if sides.pairs is None else sides.pairs[rows],
    )
    values = sets.values[rows]
    if not any_usable(values):
        return 1.0
    covariates = None if sets.covariates is None else sets.covariates[rows]
    return procedure.test(replace(sets, values=values, covariates=covariates, sides=part, fit=None), seed=seed).p_value
