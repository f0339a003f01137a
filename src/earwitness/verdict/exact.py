"""The exact test of an audit, with everything that stands around it: companion, gate, control, track level.

Goal: from a pooled table and its sides to a whole result. Conventions: ``record`` holds what is known before
any test; scores are higher = more member-like.
"""

from dataclasses import asdict, replace
from math import ceil

import numpy as np

from earwitness.features import FeatureTable
from earwitness.stats.blind import blind_gate, varying
from earwitness.stats.eprocess import e_process
from earwitness.stats.exact import ExactSettings, ExactTest, exact_test, unconstrained_test
from earwitness.stats.fraction import UsedFraction, benjamini_hochberg, conformal_p_values, used_fraction
from earwitness.stats.scorers import DIRECTED, UNDECLARED
from earwitness.stats.shift import adjusted_p_value
from earwitness.stats.sides import Sides
from earwitness.types import Floats
from earwitness.verdict.admission import value_warnings
from earwitness.verdict.control import control
from earwitness.verdict.descriptive import feature_results, known, power_of, score_auc
from earwitness.verdict.judge import findings, judge
from earwitness.verdict.result import Blind, DatasetInferenceResult, TrackResult

_TRACK_LEVEL = 0.1


def by_exact(
    record: DatasetInferenceResult, tracks: FeatureTable, sides: Sides, settings: ExactSettings, *, runs: int
) -> DatasetInferenceResult:
    """Return the record with p-value, verdict and reasons; ``runs`` splits of the A/A control."""
    values, names = tracks.oriented()
    is_suspect, alpha, seed = sides.is_suspect, record.alpha, record.seed or 0
    headline, settings = _headline(tracks, names, settings)
    described, _ = tracks.blind()
    described = described[:, varying(described)]
    covariates = described if described.shape[1] else None
    test = exact_test(values, sides, settings=settings, seed=seed, headline=headline, covariates=covariates)
    every, every_name = tracks.oriented(include_unknown=True)
    companion = unconstrained_test(every, sides, settings=settings, seed=seed, covariates=covariates)

    # Of the tracks that the control compares: of pairs all, of sets the held-out ones.
    compared = np.full(len(values), True) if sides.paired else ~is_suspect
    of_control = replace(settings, permutations=max(499, ceil(5 / alpha) - 1))
    compared_covariates = None if covariates is None else covariates[compared]

    def under_the_null(values: Floats, sides: Sides, run_seed: int) -> float:
        return exact_test(
            values, sides, settings=of_control, seed=run_seed, headline=headline, covariates=compared_covariates
        ).p_value

    a_a, a_a_warnings = control(values, sides, alpha, runs, seed, p_value=under_the_null, exact=True)
    blind = None
    if covariates is not None:
        blind = _blind(covariates, values, sides, settings, record, test=test, headline=headline)
    verdict, reasons = judge(
        test, alpha=alpha, companion_p=companion.p_value, a_a=a_a, blind=blind, comparable=record.comparable
    )
    auc = score_auc(test.scores, sides)
    power = power_of(sides, test.intraclass_correlation, auc.estimate, alpha)
    # Neither the share used nor the bets compare within pairs; between works they would assume what pairs do not.
    comparable_singly = not sides.paired
    alike = blind is not None and blind.alike
    fraction, track_p_values, standing_out = _NOT_USED
    if verdict == "evidence_of_use" and comparable_singly and alike:
        fraction, track_p_values, standing_out = _used(values, sides, seed)
    e_value = None
    if comparable_singly:
        e_value = e_process(values, sides.groups, is_suspect, tracks.frame["track_id"].to_numpy(), seed=seed).e_value
    return record.model_copy(
        update={
            "verdict": verdict,
            "reasons": [
                *reasons,
                *findings(
                    verdict,
                    auc=auc,
                    power=power,
                    fraction=fraction,
                    standing_out=standing_out,
                    alike=alike,
                    any_weight=bool(np.nan_to_num(test.weights).any()),
                ),
            ],
            "p_value": test.p_value,
            "p_value_floor": test.p_value_floor,
            "scorer_p_values": test.scorer_p_values,
            "auc": auc,
            "unconstrained_p_value": companion.p_value,
            "blind": blind,
            "a_a": a_a,
            "e_value": e_value,
            "fraction": fraction,
            "power": power,
            "features": feature_results(tracks, is_suspect, dict(zip(names, test.weights.tolist(), strict=True))),
            "tracks": [
                TrackResult(track_id=track, role=role, group=group, score=score, p_value=track_p_values.get(i))
                for i, ((track, role, group), score) in enumerate(
                    zip(tracks.frame.select("track_id", "role", "group").iter_rows(), test.scores.tolist(), strict=True)
                )
            ],
            "warnings": [
                *record.warnings,
                *value_warnings(test, names, len(every_name) - len(names)),
                *a_a_warnings,
            ],
        }
    )


def _headline(tracks: FeatureTable, names: list[str], settings: ExactSettings) -> tuple[Floats, ExactSettings]:
    """Return the proportions of the score fixed in advance, and the scorers that go with how it came about.

    Where the table declares no headline, each signal (a name up to its first ``/``) counts once,
    however many features it has, and less of the level rests on that.
    """
    declared = tracks.headline(names)
    if declared.any():
        return declared.astype(np.float64), replace(settings, scorers=DIRECTED)
    signals = np.unique([name.split("/")[0] for name in names], return_inverse=True)[1]
    return 1 / np.bincount(signals)[signals], replace(settings, scorers=UNDECLARED)


def _blind(
    described: Floats,
    values: Floats,
    sides: Sides,
    settings: ExactSettings,
    record: DatasetInferenceResult,
    *,
    test: ExactTest,
    headline: Floats,
) -> Blind:
    """Pass the sets through the blind gate; adjust where a rejection needs it."""
    seed = record.seed or 0
    gate = blind_gate(described, sides, alpha=record.alpha, settings=settings, seed=seed)
    blind = Blind(**asdict(gate))
    if gate.passes or test.p_value > record.alpha:
        return blind
    adjusted = adjusted_p_value(
        values, described, sides, weights=test.weights, settings=settings, seed=seed, headline=headline
    )
    return replace(
        blind,
        # An undecided gate asks what is left of the difference, not for a second rejection.
        adjusted_p_value=known(adjusted.p_value) if gate.state == "fail" else None,
        adjusted_method=adjusted.method,
        adjusted_detail=adjusted.detail,
        effect_ratio=known(adjusted.effect_ratio),
    )


_NOT_USED: tuple[UsedFraction | None, dict[int, float], int] = (None, {}, 0)


def _used(values: Floats, sides: Sides, seed: int) -> tuple[UsedFraction | None, dict[int, float], int]:
    """How much was used, each suspect track's conformal p-value, and how many pass Benjamini–Hochberg at 10 %."""
    centred = (values - np.nanmean(values, axis=0)) / np.where((sd := np.nanstd(values, axis=0)) > 0, sd, 1)
    scores = np.nanmean(centred, axis=1)
    suspects = np.flatnonzero(sides.is_suspect)
    used = used_fraction(
        scores[sides.is_suspect],
        scores[~sides.is_suspect],
        suspect_groups=sides.groups[sides.is_suspect],
        held_out_groups=sides.groups[~sides.is_suspect],
        seed=seed,
    )
    p_values = conformal_p_values(scores[sides.is_suspect], scores[~sides.is_suspect])
    standing_out = int((benjamini_hochberg(p_values) <= _TRACK_LEVEL).sum())
    return (
        used,
        dict(zip(suspects.tolist(), p_values.tolist(), strict=True)),
        standing_out,
    )
