"""What one method says about two sets, and what it would have needed to know.

Goal: every method as it would be used: ``exact`` with its safeguards, a published procedure by
p ≤ α. Conventions: p-values, AUCs and shares that were not computed are NaN; AUCs are those of
suspects against held-out tracks, above one half where the suspects look more trained on.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import polars as pl

from earwitness.features import FeatureTable
from earwitness.stats.grouping import intraclass_correlation
from earwitness.stats.roc import auc_delong
from earwitness.types import Floats
from earwitness.verdict.inference import dataset_inference
from earwitness.verdict.result import Verdict
from earwitness_bench.draws import Rows
from earwitness_bench.methods import Scores, p_value
from earwitness_bench.scale import ALPHA

_NAN = float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A method's answer, with what explains it.

    Attributes
    ----------
    verdict
        A published procedure says ``evidence_of_use`` where p ≤ α.
    auc
        Of the method's score: that of the best scorer out of fold, or of the published features of
        known direction, summed.
    blind_auc, gate_fails, adjusted_p, smallest_auc_found
        Of ``exact`` alone: how well the sets are told apart without the model, whether the gate calls that
        a difference, the p-value that accounts for it, and the AUC found in four of five such audits.
    intraclass_correlation
        How much the tracks of a group agree in the summed features.
    """

    method: str
    verdict: Verdict
    p_value: float
    auc: float
    blind_auc: float = _NAN
    gate_fails: float = _NAN
    adjusted_p: float = _NAN
    smallest_auc_found: float = _NAN
    intraclass_correlation: float = _NAN


class Asked:
    """What was measured of the pools' tracks, as ``exact`` and as the published procedures use it, row by row."""

    def __init__(self, exact: FeatureTable, published: FeatureTable) -> None:
        if exact.frame["track_id"].to_list() != published.frame["track_id"].to_list():
            raise ValueError("both tables need the same tracks in the same order")
        self.exact, self.published = exact, published

    @cached_property
    def scores(self) -> Scores:
        """The published procedures' features."""
        return Scores.of(self.published)


def answers(
    asked: Asked, suspects: Rows, held_out: Rows, methods: tuple[str, ...], *, permutations: int, seed: int
) -> list[Answer]:
    """Put two sets of rows to every method."""
    return [
        _exact(asked.exact, suspects, held_out, permutations=permutations, seed=seed)
        if method == "exact"
        else _published(method, asked.scores, suspects, held_out, seed=seed)
        for method in methods
    ]


def _exact(table: FeatureTable, suspects: Rows, held_out: Rows, *, permutations: int, seed: int) -> Answer:
    sides = [
        table.frame[rows].with_columns(role=pl.lit(role))
        for rows, role in ((suspects, "suspect"), (held_out, "held_out"))
    ]
    result = dataset_inference(
        replace(table, frame=pl.concat(sides)),
        alpha=ALPHA,
        permutations=permutations,
        seed=seed,
        a_a_runs=0,
        effect_runs=0,
    )
    found = Answer(
        method="exact",
        verdict=result.verdict,
        p_value=_or_nan(result.p_value),
        auc=_NAN if result.auc is None else _or_nan(result.auc.estimate),
    )
    if result.power is not None:
        found = replace(found, smallest_auc_found=_or_nan(result.power.minimum_detectable_auc))
    if (blind := result.blind) is not None:
        fails = float(blind.state == "fail")
        found = replace(found, blind_auc=blind.auc, gate_fails=fails, adjusted_p=_or_nan(blind.adjusted_p_value))
    return found


def _published(method: str, scores: Scores, suspects: Rows, held_out: Rows, *, seed: int) -> Answer:
    p = p_value(method, scores, suspects, held_out, permutations=0, seed=seed)
    summed = _summed(scores, suspects, held_out)
    rows = np.concatenate([suspects, held_out])
    codes = np.unique(scores.groups[rows], return_inverse=True)[1]
    return Answer(
        method=method,
        verdict="cannot_be_tested" if np.isnan(p) else "evidence_of_use" if p <= ALPHA else "no_evidence",
        p_value=p,
        auc=auc_delong(summed[: len(suspects)], summed[len(suspects) :]).estimate,
        intraclass_correlation=_NAN
        if len(np.unique(codes)) == len(rows)
        else intraclass_correlation(summed[:, None], codes),
    )


def _summed(scores: Scores, suspects: Rows, held_out: Rows) -> Floats:
    """The mean of the tracks' z-scores over features of known direction, suspects first."""
    values = scores.directed[np.concatenate([suspects, held_out])]
    spread = np.nanstd(values, axis=0)
    varying = spread > 0
    mean: Floats = np.nanmean((values - np.nanmean(values, axis=0))[:, varying] / spread[varying], axis=1)
    return mean


def _or_nan(value: float | None) -> float:
    return _NAN if value is None else float(value)
