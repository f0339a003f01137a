"""Whether what a method said of a scenario was right.

Conventions: a rate of false alarms is told from the level by its exact limits, a rate of
finding by fixed marks; where neither answer is wrong the outcome stays open.
"""

from typing import Literal

from earwitness_bench.scale import ALPHA
from earwitness_bench.stress.scenarios import Truth

Outcome = Literal["right", "false alarm", "found", "partly found", "missed", "open"]
FOUND, PARTLY_FOUND = 0.8, 0.2
FAILED: frozenset[Outcome] = frozenset({"false alarm", "partly found", "missed"})
SUCCEEDED: frozenset[Outcome] = frozenset({"right", "found"})


def outcome(truth: Truth, says_used: float, low: float) -> Outcome:
    """Judge a share of draws in which a method says "used", and the share's lower limit.

    Examples
    --------
    >>> outcome("not used", 0.02, 0.0005), outcome("not used", 0.2, 0.1), outcome("used", 0.5, 0.35)
    ('right', 'false alarm', 'partly found')
    """
    if truth == "not used":
        return "false alarm" if low > ALPHA else "right"
    if truth != "used":
        return "open"
    return "found" if says_used >= FOUND else "partly found" if says_used >= PARTLY_FOUND else "missed"
