"""The tipping point of a rejection: what a difference that nobody measured would have to do to explain it.

Goal: what no statistic can see stays the reader's risk; here it gets a size, in the blind features' own
measure (`earwitness.stats.sensitivity`).
"""

import numpy as np

from earwitness.stats.exact import ExactTest
from earwitness.stats.sensitivity import tipping_point
from earwitness.verdict.procedure import Divided
from earwitness.verdict.result import Explained, Tipping

_LISTED = 5
_BLIND = "blind/"


def tipping(test: ExactTest, sets: Divided, *, alpha: float, seed: int, failed: bool) -> Tipping | None:
    """Return the tipping point of a test that rejects; None where it does not, or nothing blind was measured.

    It follows one score of the adjusted test, of sets. None too for pairs, whose p comes from another statistic,
    and where that score misses the level by itself although the test that counts reaches it, the gate not
    having ``failed``.
    """
    if test.p_value > alpha or sets.covariates is None or sets.sides.paired:
        return None
    found = tipping_point(sets.values, sets.covariates, sets.sides, weights=test.weights, alpha=alpha, seed=seed)
    if not found.needed and not failed:
        return None
    listed = zip(found.strongest[:_LISTED], found.explained[:_LISTED], found.multiples[:_LISTED], strict=True)
    return Tipping(
        plain=found.plain,
        adjusted=found.adjusted,
        ratio=found.adjusted / found.plain if found.plain > 0 else None,
        needed=found.needed,
        strongest=[
            Explained(
                name=sets.blind_names[column].removeprefix(_BLIND),
                explained=float(explained),
                multiple=float(multiple) if np.isfinite(multiple) else None,
            )
            for column, explained, multiple in listed
        ],
    )
