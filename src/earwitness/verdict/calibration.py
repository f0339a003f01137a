"""Calibration: how often the exact test rejects where there is nothing to find.

Goal: the test's own error rate on a user's held-out set, at several levels, before anyone
looks at a suspect. The held-out groups are split into two at random again and again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from math import ceil, comb
from pathlib import Path

from pydantic import BaseModel, ConfigDict, field_serializer

from earwitness.errors import EarwitnessError
from earwitness.features import FeatureTable
from earwitness.stats.aa import RejectionRate, aa_control, pseudo_suspect_groups, rejection_rate
from earwitness.stats.exact import ExactSettings


class Calibration(BaseModel):
    """The outcome: one line per level, and every p-value for a uniformity plot."""

    model_config = ConfigDict(frozen=True)

    runs: int
    groups: int
    pseudo_suspect_groups: int
    levels: list[RejectionRate]
    p_values: list[float]

    @field_serializer("levels")
    def _with_counts(self, levels: list[RejectionRate]) -> list[dict[str, float]]:
        return [asdict(level) | {"rejections": level.rejections} for level in levels]

    def text(self) -> str:
        """A few lines for the terminal."""
        lines = [
            f"{self.runs} splits of {self.groups} held-out groups, {self.pseudo_suspect_groups} as pseudo-suspects",
            f"{'level':>7}  {'rejected':>8}  {'95 % interval':>16}",
        ]
        lines += [
            f"{level.alpha:7g}  {level.rejection_rate:8.2%}  {level.low:7.2%} – {level.high:6.2%}"
            + ("" if level.low <= level.alpha <= level.high else "   outside its interval")
            for level in self.levels
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
        Where a level lies outside (0, 1) or the held-out groups are too few to reach it.
    """
    if bad := [alpha for alpha in alphas if not 0 < alpha < 1]:
        raise EarwitnessError(f"A level must lie between 0 and 1, not {bad[0]:g}.")
    tracks = FeatureTable.read(features, higher=higher, lower=lower).pooled()
    held_out = ~tracks.is_suspect()
    values, _ = tracks.oriented()
    groups = tracks.frame["group"].to_numpy()
    count = len(set(groups[held_out]))
    suspects = pseudo_suspect_groups(len(set(groups[~held_out])), count)
    smallest = min(alphas)
    if count < 4 or comb(count, suspects) < 1 / smallest:
        raise EarwitnessError(
            f"The {count} held-out groups are too few to be split and still reach p = {smallest:g}; "
            "add held-out groups, or ask for a larger --alpha."
        )
    outcome = aa_control(
        values[held_out], groups[held_out], suspect_groups=suspects, alpha=smallest, runs=runs, seed=seed,
        settings=ExactSettings(permutations=max(499, ceil(5 / smallest) - 1)),
    )  # fmt: skip
    return Calibration(
        runs=runs,
        groups=count,
        pseudo_suspect_groups=suspects,
        levels=[rejection_rate(outcome.p_values, alpha) for alpha in sorted(alphas)],
        p_values=list(outcome.p_values),
    )
