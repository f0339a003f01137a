"""Several verdicts together: what each may still say once all of them were tried.

Goal: trying many models, artists or settings must not raise the chance of one false
accusation, and a claim may not enter with a better number than its own verdict allowed.
Conventions: one claim a result; a claim's evidence can be lost here and never gained.

A claim counts with ``p = max(p, adjusted p)`` where its blind gate failed, so that its verdict
rests on both; with its p where the gate passed or is undecided, since a verdict asks for no second p
there (docs/design/blind.md); and with p = 1 where its own verdict refused a small p (sets that are
not comparable, a test that misbehaves) or a published procedure made it. It counts among the tries
all the same. A family of one says what its claim says.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from earwitness.errors import EarwitnessError
from earwitness.stats.multiplicity import e_bh, holm_adjusted
from earwitness.verdict.result import DatasetInferenceResult, Verdict

_MISSING = float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One result within the family.

    Attributes
    ----------
    p_value
        As the result has it.
    counted_p_value
        What enters the family; ``None`` where nothing was tested.
    holm_p_value
        Adjusted for the number of claims.
    family_verdict
        The verdict that is left.
    e_value, e_bh_rejects
        The e-value and whether e-BH keeps the claim; ``None`` where the e-value, which knows of no
        adjustment, has no standing.
    """

    target: str | None
    verdict: Verdict
    p_value: float | None
    counted_p_value: float | None
    holm_p_value: float | None
    family_verdict: Verdict
    e_value: float | None
    e_bh_rejects: bool | None


def family(results: Sequence[DatasetInferenceResult], *, alpha: float = 0.01) -> list[Claim]:
    """Adjust results for having tried them all: Holm for p-values, e-BH for e-values.

    Raises
    ------
    EarwitnessError
        If α is outside (0, 1).

    Notes
    -----
    Holm (1979); Wang & Ramdas, arXiv 2009.02824.
    """
    if not 0 < alpha < 1:
        raise EarwitnessError(f"alpha is {alpha:g}; it must lie between 0 and 1, for instance 0.01.")
    counted = [counted_p_value(result) for result in results]
    e_values = [result.e_value if _stands_alone(result) else None for result in results]
    adjusted = holm_adjusted([_MISSING if p is None else p for p in counted]).tolist()
    chosen = e_bh([_MISSING if e is None else e for e in e_values], alpha).tolist()
    return [
        Claim(
            target=result.target,
            verdict=result.verdict,
            p_value=result.p_value,
            counted_p_value=p,
            holm_p_value=None if p is None else holm,
            family_verdict=_left(result, holm, alpha),
            e_value=result.e_value,
            e_bh_rejects=None if e is None else by_e,
        )
        for result, p, holm, e, by_e in zip(results, counted, adjusted, e_values, chosen, strict=True)
    ]


def counted_p_value(result: DatasetInferenceResult) -> float | None:
    """The p-value with which a result enters a family: never smaller than what its verdict rests on."""
    if result.p_value is None:
        return None
    refused = result.verdict == "inconclusive" and result.p_value <= result.alpha
    if refused or not result.is_exact:
        return 1.0
    adjusted = None if result.blind is None or result.blind.state != "fail" else result.blind.adjusted_p_value
    return result.p_value if adjusted is None else max(result.p_value, adjusted)


def _stands_alone(result: DatasetInferenceResult) -> bool:
    """Whether the e-value, which knows no blind feature, may speak: the gate passed, and nothing was refused."""
    alike = result.blind is None or result.blind.passes
    return alike and counted_p_value(result) == result.p_value and result.p_value is not None


def _left(result: DatasetInferenceResult, holm: float, alpha: float) -> Verdict:
    if result.verdict != "evidence_of_use":
        return result.verdict
    if not result.is_exact:
        return "inconclusive"
    return "evidence_of_use" if holm <= alpha else "no_evidence"
