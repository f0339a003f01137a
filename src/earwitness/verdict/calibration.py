"""Calibration: how often the exact test rejects, and the verdict accuses, where there is nothing to find.

Goal: their own error rates on a user's held-out set, at several levels, before anyone
looks at a suspect. The held-out groups are split into two at random again and again, and each split goes
through what an audit goes through: headline, blind features, gate and adjustment. Its halves are
comparable by construction, so where too few blind features were measured p alone decides.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from math import comb
from pathlib import Path

from pydantic import BaseModel, ConfigDict, field_serializer

from earwitness.errors import EarwitnessError
from earwitness.features import FeatureTable
from earwitness.stats.aa import RejectionRate, aa_control, pseudo_suspect_groups, rejection_rate
from earwitness.stats.sides import Sides
from earwitness.types import Floats
from earwitness.verdict.admission import one_side_a_group, refuse_pairs, tracks_with_values
from earwitness.verdict.procedure import Divided, Procedure, fit_of

_RELABELLINGS = 499
_HALVES = "they are halves of one set"


class Calibration(BaseModel):
    """The outcome: one line per level for p ≤ α and for evidence of use, and every p-value for a uniformity plot."""

    model_config = ConfigDict(frozen=True)

    runs: int
    groups: int
    pseudo_suspect_groups: int
    levels: list[RejectionRate]
    verdicts: list[RejectionRate]
    p_values: list[float]

    @field_serializer("levels", "verdicts")
    def _with_counts(self, levels: list[RejectionRate]) -> list[dict[str, float]]:
        return [asdict(level) | {"rejections": level.rejections} for level in levels]

    def text(self) -> str:
        """A few lines for the terminal."""
        lines = [
            f"{self.runs} splits of {self.groups} held-out groups, {self.pseudo_suspect_groups} as pseudo-suspects",
            f"{'level':>7}  {'p ≤ level':>9}  {'95 % interval':>16}  {'evidence':>8}  {'95 % interval':>16}",
        ]
        lines += [
            f"{level.alpha:7g}  {level.rejection_rate:9.2%}  {level.low:7.2%} – {level.high:6.2%}"
            f"  {verdict.rejection_rate:8.2%}  {verdict.low:7.2%} – {verdict.high:6.2%}"
            + ("" if level.low <= level.alpha <= level.high else "   outside its interval")
            for level, verdict in zip(self.levels, self.verdicts, strict=True)
        ]
        return "\n".join(lines)


def calibrate(
    features: Path,
    *,
    runs: int = 1000,
    alphas: Sequence[float] = (0.01, 0.05, 0.1),
    seed: int = 0,
    higher: Iterable[str] = (),
    lower: Iterable[str] = (),
) -> Calibration:
    """Split the held-out groups of a feature table ``runs`` times and test each split.

    Raises
    ------
    EarwitnessError
        Where a level lies outside (0, 1), the table has pairs, or the held-out groups are too few to reach it.
    """
    if bad := [alpha for alpha in alphas if not 0 < alpha < 1]:
        raise EarwitnessError(f"A level must lie between 0 and 1, not {bad[0]:g}.")
    given = FeatureTable.read(features, higher=higher, lower=lower)
    refuse_pairs(given, "a calibration")
    table, _ = one_side_a_group(given, "refuse")
    tracks, _ = tracks_with_values(table.equal_windows().pooled())
    every, smallest = Divided.of(tracks), min(alphas)
    held_out = ~every.sides.is_suspect
    strata = None if every.sides.strata is None else every.sides.strata[held_out]
    described = None if every.covariates is None else every.covariates[held_out]
    n_suspect, count = every.sides.group_counts
    suspects = pseudo_suspect_groups(n_suspect, count)
    if count < 4 or comb(count, suspects) < 1 / smallest:
        raise EarwitnessError(
            f"The {count} held-out groups are too few to be split and still reach p = {smallest:g}; "
            "add held-out groups, or ask for a larger --alpha."
        )
    fit = fit_of(described, count)
    procedure = Procedure.of(tracks, alpha=smallest, permutations=_RELABELLINGS, comparable=_HALVES).repeated()
    ordered = sorted(alphas)
    accused = dict.fromkeys(ordered, 0)

    def p_value(values: Floats, sides: Sides, run_seed: int) -> float:
        split = Divided(values=values, covariates=described, sides=sides, fit=fit)
        test = procedure.test(split, seed=run_seed)
        for alpha in ordered:
            accused[alpha] += replace(procedure, alpha=alpha).is_evidence(split, test, seed=run_seed)
        return test.p_value

    outcome = aa_control(
        every.values[held_out], every.sides.groups[held_out],
        suspect_groups=suspects, strata=strata, alpha=smallest, runs=runs, seed=seed, p_value=p_value,
    )  # fmt: skip
    return Calibration(
        runs=runs,
        groups=count,
        pseudo_suspect_groups=suspects,
        levels=[rejection_rate(outcome.p_values, alpha) for alpha in ordered],
        verdicts=[rejection_rate([0.0] * accused[a] + [1.0] * (runs - accused[a]), a) for a in ordered],
        p_values=list(outcome.p_values),
    )
