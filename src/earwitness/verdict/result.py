"""The record of one verdict: ``result.json`` as a validated model.

Goal: everything a report, a judge's expert or another program needs to know about one
test, in one immutable record that is written to disk and read back unchanged. Fields
that a run did not compute are ``None``: absent, never zero.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from earwitness.errors import EarwitnessError
from earwitness.files import read_record, write_text
from earwitness.spec import Direction
from earwitness.stats.aa import AAControl
from earwitness.stats.blind import LEAST_INFORMATIVE, BlindGate
from earwitness.stats.fraction import UsedFraction
from earwitness.verdict.near_copies import NearCopies

if TYPE_CHECKING:
    import polars as pl

    from earwitness.verdict.plots import ResultPlots

SCHEMA_VERSION = 2
Verdict = Literal["evidence_of_use", "no_evidence", "inconclusive", "cannot_be_tested"]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="null")


class Counts(_Record):
    """A number for each of the two sets."""

    suspect: int
    held_out: int


class Interval(_Record):
    """An estimate with a two-sided confidence interval (95 % unless the report says otherwise)."""

    estimate: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Blind(BlindGate):
    """How well the two sets are told apart without asking the model, and what is left where they are.

    ``adjusted_p_value``, made where the gate fails, is that of the test with the difference accounted for, by
    ``adjusted_method``, and as much again granted to what nobody measured; ``adjusted_detail`` says how far.
    ``effect_ratio`` is the difference between the sets in the score that carried the test, after over before.
    """

    adjusted_p_value: float | None = None
    adjusted_method: str | None = None
    adjusted_detail: str | None = None
    effect_ratio: float | None = None

    @property
    def alike(self) -> bool:
        """Whether the sets were shown to be alike without the model, by enough informative blind features.

        Only then is a difference between them the model's, in pairs, in shares or in single tracks. A statement
        in words why they are comparable can carry a verdict, not these.
        """
        return self.passes and self.informative >= LEAST_INFORMATIVE


class Power(_Record):
    """What this audit could have seen.

    ``minimum_detectable_auc`` is the smallest AUC of the headline score that ends in evidence of use in about four of
    five audits like this one (``at``: in p ≤ α alone, where no verdict of evidence was possible), found by
    planting it; None beside ``draws`` where no effect is. ``tracks_needed`` is what the AUC seen would need a side,
    in groups like these.
    """

    minimum_detectable_auc: float | None
    tracks_needed: int | None
    draws: int | None = None
    at: Literal["verdict", "p_value"] = "verdict"


class Explained(_Record):
    """A blind feature, the part of the difference that it explains by itself, and how many times that is needed."""

    name: str
    explained: float
    multiple: float | None


class Tipping(_Record):
    """What a difference that nobody measured would have to do to explain a rejection.

    ``plain`` and ``adjusted`` are the difference between the sets in the score that carried the test, before and
    after all blind features are balanced, in standard deviations; ``ratio`` is adjusted over plain. ``needed`` is
    the part that would have to be explained for the rest to be within chance at the level; 0 where it is already.
    ``strongest`` lists the blind features that explain most; their ``multiple`` is needed over explained.
    """

    plain: float
    adjusted: float
    ratio: float | None
    needed: float
    strongest: list[Explained]


class GrowthPoint(_Record):
    """The p-values of parts of both sets of one size: their median, the lowest and the highest.

    ``suspects`` is how many suspect tracks a part has, on average.
    """

    suspects: int
    p_value: float
    lowest: float
    highest: float


class FeatureResult(_Record):
    """One feature: which way a member moves it, how well it separates the sets, its weight in the score."""

    name: str
    member_is: Direction
    auc: float | None
    weight: float | None
    missing: int = 0


class TrackResult(_Record):
    """One track's score (higher = more member-like) and, under a positive verdict, its conformal p-value.

    The score is the chosen scorer's, out of fold; the p-value compares the equal-weight score,
    which no label has touched, with those of the held-out tracks.
    """

    track_id: str
    role: str
    group: str
    score: float
    p_value: float | None = None


class DatasetInferenceResult(_Record):
    """The outcome of one dataset-inference test.

    ``p_value_floor`` is the smallest p-value these sets could have given. ``reasons`` are
    whole sentences that explain the verdict; ``warnings`` are sentences about its limits. ``departures``
    say in what the test is not the one that the run's plan laid down; empty for the planned one.
    ``target_name`` is the model's name as its user gave it, ``target`` what the measurements call it.
    ``scorer`` names the way of weighing features that carried the test. ``growth`` is the p-value of parts of the sets,
    the whole last; ``wealth`` what the bets of the e-process came to after each pair.
    ``direction`` says for a published procedure which way the sets differ, ``away`` being less member-like.
    """

    schema_version: int = SCHEMA_VERSION
    verdict: Verdict
    reasons: list[str]
    alpha: float
    method: str
    permutations: int | None = None
    seed: int | None = None
    p_value: float | None
    p_value_floor: float | None
    scorer: str | None = None
    scorer_p_values: dict[str, float] = Field(default_factory=dict)
    n_tracks: Counts
    n_groups: Counts
    auc: Interval | None = None
    unconstrained_p_value: float | None = None
    direction: Literal["member", "away"] | None = None
    blind: Blind | None = None
    tipping: Tipping | None = None
    a_a: AAControl | None = None
    e_value: float | None = None
    wealth: list[float] = Field(default_factory=list)
    growth: list[GrowthPoint] = Field(default_factory=list)
    fraction: UsedFraction | None = None
    power: Power | None = None
    features: list[FeatureResult] = Field(default_factory=list)
    tracks: list[TrackResult] = Field(default_factory=list)
    failures: Counts = Counts(suspect=0, held_out=0)
    warnings: list[str] = Field(default_factory=list)
    near_copies: NearCopies | None = None
    target: str | None = None
    target_name: str | None = None
    plan_hash: str | None = None
    departures: list[str] = Field(default_factory=list)
    comparable: str | None = None

    @property
    def is_exact(self) -> bool:
        """Whether the p-value is a permutation p-value, whose level is guaranteed."""
        return self.method == "exact"

    @property
    def track_wise(self) -> bool:
        """Whether the share used and the single tracks may be spoken of."""
        return self.verdict == "evidence_of_use" and self.alike

    @property
    def alike(self) -> bool:
        """Whether the sets were shown to be alike without the model (`Blind.alike`)."""
        return self.blind is not None and self.blind.alike

    def __repr__(self) -> str:
        from earwitness.verdict.notebook import one_line

        return one_line(self)

    __str__ = __repr__

    def _repr_html_(self) -> str:
        from earwitness.verdict.notebook import html

        return html(self)

    @property
    def plot(self) -> "ResultPlots":
        """The charts: ``result.plot.scores()``, ``roc()``, ``power()``, ``signals()``; altair is loaded here."""
        from earwitness.verdict.plots import ResultPlots

        return ResultPlots(self)

    def to_frame(self, of: Literal["tracks", "features"] = "tracks") -> "pl.DataFrame":
        """The tracks (id, role, group, score, p-value) or the features as a polars data frame, one row each."""
        from earwitness.verdict.notebook import frame

        return frame(self, of)

    def write(self, path: Path) -> None:
        """Write the record as JSON, atomically."""
        write_text(path, self.model_dump_json(indent=2) + "\n")

    @classmethod
    def read(cls, path: Path) -> "DatasetInferenceResult":
        """Read a record back; raises ``EarwitnessError`` where the file is not one."""
        found = read_record(
            path,
            cls,
            is_not="is not a result of this version of earwitness",
            cure="make it again with `earwitness test`",
        )
        if found is None:
            raise EarwitnessError(f"{path} does not exist; run `earwitness test` first.")
        return found
