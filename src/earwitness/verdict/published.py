"""The published procedures as a user calls them: their own p, the direction, and no verdict of ours.

Goal: figures that can be held against the papers', with what the papers leave out beside them.
A published procedure takes tracks as independent, looks at no blind feature and, as published,
at no direction; so a small p of its own is reported as what it is, and never becomes evidence
of use.
"""

from typing import Literal

from earwitness.features import FeatureTable
from earwitness.stats.aa import AAControl
from earwitness.stats.published import Method, member_difference, published_p
from earwitness.stats.sides import Sides
from earwitness.types import Floats
from earwitness.verdict import wording
from earwitness.verdict.control import control
from earwitness.verdict.descriptive import feature_results
from earwitness.verdict.result import DatasetInferenceResult, Verdict

Direction = Literal["member", "away"]


def by_published(
    record: DatasetInferenceResult,
    tracks: FeatureTable,
    sides: Sides,
    method: Method,
    *,
    corrected: bool,
    runs: int,
) -> DatasetInferenceResult:
    """Run a published procedure, with its error rate on this held-out set beside it."""
    seed = record.seed or 0
    # Its learned scorers choose directions themselves; a corrected form needs them, and the sum takes the papers'.
    directed, _ = tracks.oriented() if corrected else tracks.as_published()
    values = directed if corrected or method == "iar" else tracks.oriented(include_unknown=True)[0]

    def p_value(values: Floats, sides: Sides, run_seed: int) -> float:
        return published_p(values, sides.is_suspect, method, corrected=corrected, seed=run_seed % 2**32)

    p = p_value(values, sides, seed)
    a_a, a_a_warnings = control(values, sides, record.alpha, runs, seed, p_value=p_value)
    direction: Direction = "member" if member_difference(directed, sides.is_suspect) > 0 else "away"
    verdict, reasons = judge_published(
        p, method=method, corrected=corrected, alpha=record.alpha, direction=direction, a_a=a_a
    )
    return record.model_copy(
        update={
            "verdict": verdict,
            "reasons": reasons,
            "p_value": p,
            "p_value_floor": None,
            "direction": direction,
            "a_a": a_a,
            "features": feature_results(tracks, sides.is_suspect, {}),
            "warnings": [
                *record.warnings,
                f"The procedure {method} is here for comparison: it takes tracks as independent, whatever the groups.",
                *a_a_warnings,
            ],
        }
    )


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
