"""The published procedures as a user calls them: their own p, the direction, and no verdict of ours.

Goal: figures that can be held against the papers', with what the papers leave out beside them.
A published procedure takes tracks as independent, looks at no blind feature and, as published,
at no direction; so a small p of its own is reported as what it is, and never becomes evidence
of use.
"""

from typing import Literal

from earwitness.stats.aa import AAControl
from earwitness.verdict import wording
from earwitness.verdict.result import Verdict

Direction = Literal["member", "away"]


def judge_published(
    p_value: float, *, method: str, corrected: bool, alpha: float, direction: Direction, a_a: AAControl | None
) -> tuple[Verdict, list[str]]:
    """Say what a published procedure found, which way, and why that alone settles nothing.

    ``no_evidence`` where p > α, ``inconclusive`` otherwise.
    """
    form = "corrected" if corrected else "published"
    said = wording.published(p_value, method=method, form=form, alpha=alpha, direction=direction)
    if p_value > alpha:
        return "no_evidence", [said]
    misbehaved = [wording.published_misbehaved(a_a, alpha)] if a_a is not None and a_a.impossible else []
    return "inconclusive", [said, *misbehaved, wording.published_alone()]
