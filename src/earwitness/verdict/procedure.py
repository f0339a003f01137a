"""The exact procedure as a whole: test, gate and adjustment of one division of tracks into two sets.

Goal: whatever measures how often the verdict errs or finds (control, calibration, curve, detectable
effect) runs what the verdict runs, in one place. Conventions: values are oriented, higher = more
member-like; ``covariates`` are the blind features that vary.
"""

from dataclasses import asdict, dataclass, replace
from math import ceil
from typing import Self

import numpy as np

from earwitness.features import FeatureTable
from earwitness.stats.aa import PValue
from earwitness.stats.blind import BlindGate, blind_gate
from earwitness.stats.comparison import Comparison, label_free_fit
from earwitness.stats.exact import ExactSettings, ExactTest, exact_test, p_value_of, prepared, unconstrained_test
from earwitness.stats.grouping import varying
from earwitness.stats.projection import Projection
from earwitness.stats.scorers import DIRECTED, UNDECLARED
from earwitness.stats.shift import adjusted_p_value
from earwitness.stats.sides import Sides
from earwitness.types import Floats
from earwitness.verdict.descriptive import known
from earwitness.verdict.design import sides_of
from earwitness.verdict.judge import judge
from earwitness.verdict.result import Blind

_REPEATED = 499


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Divided:
    """Tracks, divided into two sets.

    Attributes
    ----------
    values, covariates
        ``[tracks, features]`` and ``[tracks, blind features]``; the second None where none varies.
    sides
        Who stands where, and what may be exchanged.
    blind_names
        Of the covariates' columns, where they are known.
    fit
        What the covariates say of a feature, where these tracks are tested more than once (`fit_of`).
    """

    values: Floats
    covariates: Floats | None
    sides: Sides
    blind_names: tuple[str, ...] = ()
    fit: Projection | None = None

    @classmethod
    def of(cls, tracks: FeatureTable) -> Self:
        """Take oriented values, blind features and design from a pooled table."""
        described, names = tracks.blind()
        kept = varying(described)
        return cls(
            values=tracks.oriented()[0],
            covariates=described[:, kept] if kept.any() else None,
            sides=sides_of(tracks),
            blind_names=tuple(name for name, use in zip(names, kept, strict=True) if use),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Procedure:
    """What fixes the verdict apart from the tracks.

    Attributes
    ----------
    alpha, settings, headline
        Level, engine, and ``[features]`` proportions of the score fixed in advance.
    comparable
        The user's statement of why the sets are comparable.
    """

    alpha: float
    settings: ExactSettings
    headline: Floats
    comparable: str | None = None

    @classmethod
    def of(cls, tracks: FeatureTable, *, alpha: float, permutations: int, comparable: str | None = None) -> "Procedure":
        """Return the procedure for a table's features.

        Where the table declares no headline, each signal (a name up to its first ``/``) counts once,
        however many features it has, and less of the level rests on that.
        """
        _, names = tracks.oriented()
        declared = tracks.headline(names)
        if declared.any():
            headline, scorers = declared.astype(np.float64), DIRECTED
        else:
            signals = np.unique([name.split("/")[0] for name in names], return_inverse=True)[1]
            headline, scorers = 1 / np.bincount(signals)[signals], UNDECLARED
        settings = ExactSettings(permutations=permutations, scorers=scorers)
        return cls(alpha=alpha, settings=settings, headline=headline, comparable=comparable)

    def repeated(self) -> "Procedure":
        """Return the procedure with as few relabellings as still reach the level, to be run many times."""
        return replace(self, settings=replace(self.settings, permutations=max(_REPEATED, ceil(5 / self.alpha) - 1)))

    def test(self, sets: Divided, *, seed: int, scored: bool = True) -> ExactTest:
        """Run the exact test, less what the blind features say; tracks need not be ``scored``."""
        return exact_test(
            sets.values, sets.sides,
            settings=self.settings, seed=seed, headline=self.headline,
            covariates=sets.fit or _varying(sets.covariates), scored=scored,
        )  # fmt: skip

    def under_other_labels(self, covariates: Floats | None, fit: Projection | None) -> PValue:
        """Return the test of one set of tracks under many labellings, for their p-values alone.

        What sees no label is done once, so every call must give the same tracks; of pairs nothing is.
        """
        kept: list[Comparison] = []

        def p_value(values: Floats, sides: Sides, seed: int) -> float:
            if sides.paired:
                return self.test(Divided(values=values, covariates=covariates, sides=sides), seed=seed).p_value
            if not kept:
                kept.append(
                    prepared(
                        values, sides, settings=self.settings, headline=self.headline,
                        covariates=fit or _varying(covariates),
                    )
                )  # fmt: skip
            relabelled = kept[0].relabelled(sides.is_suspect)
            return p_value_of(relabelled, self.settings.rules(self.headline), seed)

        return p_value

    def companion(self, sets: Divided, every: Floats, *, seed: int) -> ExactTest:
        """Run the undirected companion on ``every [tracks, features]``, those without a direction included."""
        return unconstrained_test(
            every, sets.sides, settings=self.settings, seed=seed, covariates=_varying(sets.covariates)
        )

    def gate(self, sets: Divided, *, seed: int) -> BlindGate | None:
        """Compare the sets by their blind features; None where none varies."""
        covariates = _varying(sets.covariates)
        if covariates is None:
            return None
        return blind_gate(covariates, sets.sides, alpha=self.alpha, settings=self.settings, seed=seed)

    def without_model(
        self, sets: Divided, test: ExactTest, *, seed: int, gate: BlindGate | None = None
    ) -> Blind | None:
        """Pass the sets through the gate, or take one that was made before; adjust where a rejection needs it."""
        gate = gate or self.gate(sets, seed=seed)
        covariates = _varying(sets.covariates)
        if gate is None or covariates is None:
            return None
        blind = Blind(**asdict(gate))
        if gate.passes or test.p_value > self.alpha:
            return blind
        # An undecided gate asks what is left of the difference, not for a second rejection.
        adjusted = adjusted_p_value(
            sets.values, covariates, sets.sides,
            weights=test.weights, settings=self.settings, seed=seed, headline=self.headline,
            tested=gate.state == "fail",
        )  # fmt: skip
        return replace(
            blind,
            adjusted_p_value=known(adjusted.p_value),
            adjusted_method=adjusted.method,
            adjusted_detail=adjusted.detail,
            effect_ratio=known(adjusted.effect_ratio),
        )

    def finds(self, sets: Divided, *, seed: int, gate: BlindGate | None = None) -> tuple[float, bool]:
        """Return p, and whether the verdict is evidence of use; the control and the companion test left out."""
        test = self.test(sets, seed=seed, scored=False)
        return test.p_value, self.is_evidence(sets, test, seed=seed, gate=gate)

    def is_evidence(self, sets: Divided, test: ExactTest, *, seed: int, gate: BlindGate | None = None) -> bool:
        """Whether the verdict on a test is evidence of use; see `finds`."""
        if test.p_value > self.alpha:
            return False
        blind = self.without_model(sets, test, seed=seed, gate=gate)
        verdict, _ = judge(test, alpha=self.alpha, companion_p=1.0, a_a=None, blind=blind, comparable=self.comparable)
        return verdict == "evidence_of_use"


def fit_of(covariates: Floats | None, groups: int) -> Projection | None:
    """Return what blind features say of tracks in so many groups: tests of other features or labels need no other.

    For sets alone: differences within pairs are fitted anew.
    """
    described = _varying(covariates)
    return None if described is None else label_free_fit(described, groups)


def _varying(described: Floats | None) -> Floats | None:
    """Return the blind features that vary among these tracks, or None."""
    if described is None or not (kept := varying(described)).any():
        return None
    return described if kept.all() else described[:, kept]
