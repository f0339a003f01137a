"""The exact test of an audit, with everything that stands around it: companion, gate, control, track level.

Goal: from a pooled table and its sides to a whole result. Conventions: ``record`` holds what is known before
any test; scores are higher = more member-like.
"""

from functools import partial

import numpy as np

from earwitness.features import FeatureTable
from earwitness.stats.eprocess import EProcess, e_process
from earwitness.stats.fraction import UsedFraction, benjamini_hochberg, conformal_p_values, used_fraction
from earwitness.stats.sides import Sides
from earwitness.types import Floats, OnProgress
from earwitness.verdict import wording
from earwitness.verdict.admission import machine_made, value_warnings
from earwitness.verdict.control import control, counted
from earwitness.verdict.descriptive import feature_results, score_auc
from earwitness.verdict.detectable import TESTS_A_DRAW, detectable
from earwitness.verdict.growth import TESTS_OF_PARTS, growth
from earwitness.verdict.judge import findings, judge
from earwitness.verdict.procedure import Divided, Procedure, fit_of
from earwitness.verdict.result import DatasetInferenceResult, TrackResult
from earwitness.verdict.steps import Steps
from earwitness.verdict.tipping import tipping

_TRACK_LEVEL = 0.1


def by_exact(
    record: DatasetInferenceResult,
    tracks: FeatureTable,
    procedure: Procedure,
    *,
    runs: int,
    planted: int,
    on_progress: OnProgress = lambda done, total: None,
) -> DatasetInferenceResult:
    """Return the record with p-value, verdict and reasons.

    Parameters
    ----------
    runs
        Splits of the A/A control.
    planted
        Repetitions in which the smallest effect is looked for that could have been found.
    on_progress
        Is told of relabellings: those done, and those of all tests of the verdict.
    """
    sets, alpha, seed = Divided.of(tracks), record.alpha, record.seed or 0
    values, sides, names = sets.values, sets.sides, tracks.oriented()[1]
    of_control = procedure.repeated()
    whole, few = procedure.settings.permutations, of_control.settings.permutations
    to_plant, to_grow = TESTS_A_DRAW * planted * few, TESTS_OF_PARTS * few if planted else 0
    steps = Steps(on_progress=on_progress, total=3 * whole + runs * few + to_plant + to_grow)
    after_each = partial(steps.take, few)

    steps.stage(whole)
    test = procedure.test(sets, seed=seed)
    steps.stage(whole)
    every, every_name = tracks.oriented(include_unknown=True)
    companion = procedure.companion(sets, every, seed=seed)

    # Of the tracks that the control compares: of pairs all, of sets the held-out ones.
    compared = sets.covariates
    if not sides.paired and compared is not None:
        compared = compared[~sides.is_suspect]
    fit = None if sides.paired else fit_of(compared, sides.group_counts[1])

    steps.stage(runs * few)
    under_the_null = counted(of_control.under_other_labels(compared, fit), after_each)
    a_a, a_a_warnings = control(values, sides, alpha, runs, seed, p_value=under_the_null, exact=True)
    steps.stage(whole)
    gate = procedure.gate(sets, seed=seed)
    blind = procedure.without_model(sets, test, seed=seed, gate=gate)
    verdict, reasons = judge(
        test, alpha=alpha, companion_p=companion.p_value, a_a=a_a, blind=blind, comparable=record.comparable,
        machine_made=machine_made(record.warnings),
    )  # fmt: skip
    auc = score_auc(test.scores, sides)
    steps.stage(to_plant)
    power = detectable(procedure, sets, gate=gate, auc=auc.estimate, draws=planted, seed=seed, after_each=after_each)
    tipped = tipping(test, sets, alpha=alpha, seed=seed, failed=blind is not None and blind.state == "fail")
    # Neither the share used nor the bets compare within pairs; between works they would assume what pairs do not.
    comparable_singly = not sides.paired
    steps.stage(to_grow)
    growing = growth(procedure, sets, p_value=test.p_value, seed=seed, after_each=after_each) if planted else []
    steps.stage(0)
    alike = blind is not None and blind.alike
    fraction, track_p_values, standing_out = _NOT_USED
    if verdict == "evidence_of_use" and comparable_singly and alike:
        fraction, track_p_values, standing_out = _used(values, sides, seed)
    bets = EProcess()
    if comparable_singly:
        bets = e_process(values, sides.groups, sides.is_suspect, tracks.frame["track_id"].to_numpy(), seed=seed)
    if verdict == "evidence_of_use" and sets.covariates is not None and record.plan_hash is None:
        reasons = [*reasons, wording.own_word(len(sets.blind_names))]
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
                    tipping=tipped,
                    any_weight=bool(np.nan_to_num(test.weights).any()),
                ),
            ],
            "p_value": test.p_value,
            "p_value_floor": test.p_value_floor,
            "scorer": test.chosen,
            "scorer_p_values": test.scorer_p_values,
            "auc": auc,
            "unconstrained_p_value": companion.p_value,
            "blind": blind,
            "tipping": tipped,
            "a_a": a_a,
            "e_value": bets.e_value if comparable_singly else None,
            "wealth": list(bets.wealth),
            "growth": growing,
            "fraction": fraction,
            "power": power,
            "features": feature_results(tracks, sides.is_suspect, dict(zip(names, test.weights.tolist(), strict=True))),
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
                *([] if planted else ["What this audit could have found was left out on request."]),
            ],
        }
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
