"""The published procedures as a user calls them: their own p, the direction, and no verdict of ours.

Goal: figures that can be held against the papers', with what the papers leave out beside them.
A published procedure takes tracks as independent, looks at no blind feature and, as published,
at no direction; so a small p of its own is reported as what it is, and never becomes evidence
of use.
"""

from typing import Literal

from earwitness.stats.aa import AAControl
from earwitness.verdict.result import Verdict

Direction = Literal["member", "away"]
_WAYS = {
    "member": "the suspect tracks are the more member-like ones",
    "away": "the suspect tracks are the *less* member-like ones, the opposite of what training does",
}


def judge_published(
    p_value: float, *, method: str, corrected: bool, alpha: float, direction: Direction, a_a: AAControl | None
) -> tuple[Verdict, list[str]]:
    """Say what a published procedure found, which way, and why that alone settles nothing.

    ``no_evidence`` where p > α, ``inconclusive`` otherwise.
    """
    form = "corrected" if corrected else "published"
    stated = f"p = {p_value:.4g} at level {alpha:g} by the {form} procedure {method}"
    if p_value > alpha:
        return "no_evidence", [f"The procedure does not tell the suspect tracks from the held-out tracks: {stated}."]
    reasons = [f"The procedure tells the suspect tracks from the held-out tracks: {stated}; {_WAYS[direction]}."]
    if a_a is not None and a_a.impossible:
        reasons.append(
            f"Comparing held-out groups with each other it fired in {a_a.rejections} of {a_a.runs} runs at level "
            f"{alpha:g}, so its answer for the suspect tracks carries no weight."
        )
    reasons.append(
        "It takes tracks as independent, whatever their groups, and does not ask whether the sets are comparable; "
        "the method exact does both."
    )
    return "inconclusive", reasons
