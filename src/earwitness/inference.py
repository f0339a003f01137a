"""Dataset inference: from a feature table to a verdict with its reasons.

Goal: one call that answers "does this model know the suspect set better than the held-out
set?" and says how far the answer carries. Conventions: tracks are pooled over windows,
groups are the unit of independence, scores are higher = more member-like. The statistics
are in `earwitness.stats`; here they are put together, judged and put into sentences.
"""

from dataclasses import replace
from math import ceil, comb
from typing import Literal

import numpy as np
import polars as pl

from earwitness.errors import EarwitnessError
from earwitness.features import FeatureTable
from earwitness.result import (
    AAControl,
    Blind,
    Counts,
    DatasetInferenceResult,
    FeatureResult,
    Interval,
    Power,
    TrackResult,
    Verdict,
)
from earwitness.stats.aa import aa_control, pseudo_suspect_groups
from earwitness.stats.exact import UNDIRECTED, ExactSettings, ExactTest, exact_test, unconstrained_test
from earwitness.stats.grouping import Bools, Floats
from earwitness.stats.power import groups_needed_for_floor, minimum_detectable_auc, tracks_needed
from earwitness.stats.roc import Auc, auc_delong

Spanning = Literal["refuse", "exclude"]
_METHODS = ("exact",)


def dataset_inference(
    table: FeatureTable,
    *,
    alpha: float = 0.01,
    method: str = "exact",
    permutations: int = 9999,
    seed: int = 0,
    a_a_runs: int = 200,
    spanning: Spanning = "refuse",
) -> DatasetInferenceResult:
    """Test whether the suspect tracks are more member-like than the held-out tracks.

    Runs the exact test on features of known direction, its undirected companion on all
    features, and the A/A control on the held-out groups, and draws the verdict:

    * ``cannot_be_tested`` — fewer than two groups a side, or so few that no p-value could reach α;
    * ``inconclusive`` — the control shows that the test misbehaves on these data, or the sets
      differ, but not in the direction in which training moves the features;
    * ``evidence_of_use`` — p ≤ α;
    * ``no_evidence`` — otherwise; ``power`` says what could have been seen.

    Parameters
    ----------
    table
        A checked feature table; ``member`` counts as suspect and ``non_member`` as held-out.
    alpha
        Level of the test, in (0, 1).
    method
        ``exact``.
    permutations
        Relabellings to draw where there are more than that.
    seed
        Of folds, relabellings and control splits; same table and seed, same result.
    a_a_runs
        Splits of the A/A control; 0 leaves it out.
    spanning
        What to do with a group that has tracks on both sides: ``refuse`` raises,
        ``exclude`` leaves the whole group out and says so.

    Returns
    -------
    DatasetInferenceResult
        ``auc`` and ``tracks`` describe the out-of-fold score of the scorer that did best; since
        that choice saw the labels, its interval describes and does not test.

    Raises
    ------
    EarwitnessError
        If a setting is out of range, groups span both sides, or no usable feature is left.

    Notes
    -----
    Dataset inference after Maini et al. (2406.06443) and Dubiński et al. (2411.12858).
    """
    _check_settings(alpha, method, permutations, a_a_runs)
    table, warnings = _one_side_a_group(table, spanning)
    tracks, more = _tracks_with_values(table.pooled())
    warnings += more
    values, names = tracks.oriented()
    is_suspect, groups = tracks.is_suspect(), tracks.frame["group"].to_numpy()
    n_groups = Counts(suspect=len(np.unique(groups[is_suspect])), held_out=len(np.unique(groups[~is_suspect])))
    record = DatasetInferenceResult(
        verdict="cannot_be_tested",
        reasons=[],
        alpha=alpha,
        method=method,
        permutations=permutations,
        seed=seed,
        p_value=None,
        p_value_floor=1 / comb(n_groups.suspect + n_groups.held_out, n_groups.suspect),
        n_tracks=Counts(suspect=int(is_suspect.sum()), held_out=int((~is_suspect).sum())),
        n_groups=n_groups,
        failures=Counts(suspect=table.failures[0], held_out=table.failures[1]),
        target=table.target,
        plan_hash=table.plan_hash,
        warnings=warnings + _group_warnings(tracks, n_groups),
    )
    if reason := _why_untestable(n_groups, alpha):
        return record.model_copy(update={"reasons": [reason], "features": _features(tracks, is_suspect, {})})
    settings = ExactSettings(permutations=permutations)
    test = exact_test(values, is_suspect, groups, settings=settings, seed=seed)
    every, every_name = tracks.oriented(include_unknown=True)
    undirected = ExactSettings(permutations=permutations, scorers=UNDIRECTED)
    companion = unconstrained_test(every, is_suspect, groups, settings=undirected, seed=seed)
    a_a, a_a_warnings = _a_a(values[~is_suspect], groups[~is_suspect], n_groups, alpha, a_a_runs, seed)
    auc = _grouped_auc(test.scores, is_suspect, groups)
    power = _power(record.n_tracks, groups, test.intraclass_correlation, auc, alpha)
    verdict, reasons = _verdict(test, alpha=alpha, companion_p=companion.p_value, a_a=a_a, blind=None)
    undirected_count = len(every_name) - len(names)
    return record.model_copy(
        update={
            "verdict": verdict,
            "reasons": [*reasons, *_findings(auc, power, verdict)],
            "p_value": test.p_value,
            "p_value_floor": test.p_value_floor,
            "scorer_p_values": test.scorer_p_values,
            "auc": Interval(estimate=_known(auc.estimate), low=_known(auc.low), high=_known(auc.high)),
            "unconstrained_p_value": companion.p_value,
            "a_a": a_a,
            "power": power,
            "features": _features(tracks, is_suspect, dict(zip(names, test.weights.tolist(), strict=True))),
            "tracks": [
                TrackResult(track_id=track, role=role, group=group, score=score)
                for (track, role, group), score in zip(
                    tracks.frame.select("track_id", "role", "group").iter_rows(), test.scores.tolist(), strict=True
                )
            ],
            "warnings": [*record.warnings, *_value_warnings(test, names, undirected_count), *a_a_warnings],
        }
    )


def _verdict(
    test: ExactTest, *, alpha: float, companion_p: float, a_a: AAControl | None, blind: Blind | None
) -> tuple[Verdict, list[str]]:
    """Draw the verdict from the test and its safeguards; ``blind`` is None where no blind feature was measured."""
    how = f"all {test.labellings_used:,}" if test.enumerated else f"{test.labellings_used - 1:,} random"
    stated = (
        f"p = {test.p_value:.4g} at level {alpha:g}, from {how} relabellings of "
        f"{test.n_groups_suspect + test.n_groups_held_out} whole groups"
    )
    if a_a is not None and a_a.low > alpha:
        return "inconclusive", [
            f"The test misbehaves on this held-out set: comparing held-out groups with each other, it fired in "
            f"{a_a.rejection_rate:.1%} of {a_a.runs} runs (95 % interval from {a_a.low:.1%}), more than its "
            f"level of {alpha:g} allows.",
            f"Its answer for the suspect tracks, {stated}, therefore carries no weight.",
        ]
    if test.p_value <= alpha:
        found = f"The suspect tracks score more member-like than the held-out tracks: {stated}."
        if blind is None or blind.passes:
            return "evidence_of_use", [found]
        adjusted = blind.adjusted_p_value
        told_apart = (
            f"The two sets can be told apart without asking the model: AUC {blind.auc:.3f} from the audio alone "
            f"(95 % interval {blind.low:.3f} to {blind.high:.3f}), where {blind.harmful_auc:.3f} would already matter."
        )
        if adjusted is not None and adjusted <= alpha:
            return "evidence_of_use", [
                found,
                told_apart,
                f"The difference remains when that is accounted for: adjusted p = {adjusted:.4g}.",
            ]
        outcome = "no adjusted test was possible" if adjusted is None else f"adjusted p = {adjusted:.4g}"
        return "inconclusive", [found, told_apart, f"The difference could come from that alone: {outcome}."]
    none = f"The suspect tracks do not score more member-like than the held-out tracks beyond chance: {stated}."
    if companion_p <= alpha:
        return "inconclusive", [
            none,
            f"The model's answers to the two sets do differ (p = {companion_p:.4g} without regard to direction), but "
            "not in the direction in which training moves them; the sets may not be comparable.",
        ]
    return "no_evidence", [none]


def _findings(auc: Auc, power: Power, verdict: Verdict) -> list[str]:
    """Say how large the effect is, and what this audit could have missed."""
    sentences = []
    if not np.isnan(auc.estimate):
        limits = "" if np.isnan(auc.low) else f" (95 % interval {auc.low:.1%} to {auc.high:.1%})"
        sentences.append(f"A suspect track outscores a held-out track in {auc.estimate:.1%} of pairs{limits}.")
    if verdict == "no_evidence" and power.minimum_detectable_auc is not None:
        sentences.append(
            f"With these tracks and groups, an effect of {power.minimum_detectable_auc:.1%} of pairs or more would "
            "have been found in four of five audits; a smaller one may have been missed."
        )
    return sentences


def _check_settings(alpha: float, method: str, permutations: int, a_a_runs: int) -> None:
    if not 0 < alpha < 1:
        raise EarwitnessError(f"The level alpha must lie between 0 and 1, not {alpha:g}; 0.01 is usual.")
    if method not in _METHODS:
        raise EarwitnessError(f"There is no method {method!r}; choose {' or '.join(_METHODS)}.")
    if (permutations + 1) * alpha < 1:
        needed = ceil(1 / alpha) - 1
        raise EarwitnessError(
            f"{permutations} permutations cannot give a p-value of {alpha:g} or less; use at least {needed}."
        )
    if a_a_runs < 0:
        raise EarwitnessError(f"The A/A control cannot have {a_a_runs} runs; use 0 to leave it out, or 200.")


def _one_side_a_group(table: FeatureTable, spanning: Spanning) -> tuple[FeatureTable, list[str]]:
    """Refuse or leave out groups that have tracks on both sides; return the notes for the reader."""
    notes = list(table.notes)
    both = table.spanning_groups()
    if not both:
        return table, notes
    listed = ", ".join(both[:5]) + (f" and {len(both) - 5} more" if len(both) > 5 else "")
    if spanning == "refuse":
        raise EarwitnessError(
            f"{len(both)} group(s) have tracks on both sides: {listed}; what belongs together cannot be compared with "
            'itself. Fix the groups, or leave these out with spanning="exclude".'
        )
    kept = table.without_groups(both)
    suspects = int(kept.is_suspect().sum())
    if not 0 < suspects < kept.frame.height:
        raise EarwitnessError("Without the groups that have tracks on both sides one side is empty; fix the groups.")
    return kept, [*notes, f"{len(both)} group(s) with tracks on both sides were left out: {listed}."]


def _tracks_with_values(tracks: FeatureTable) -> tuple[FeatureTable, list[str]]:
    """Leave out tracks without any value, and check that a usable feature of known direction remains."""
    values, names = tracks.oriented()
    if not names:
        raise EarwitnessError(
            "No feature has a known direction, so none can speak for or against training; "
            "name some with --higher GLOB or --lower GLOB."
        )
    silent = np.isnan(values).all(axis=1)
    is_suspect = tracks.is_suspect()
    counts = int((silent & is_suspect).sum()), int((silent & ~is_suspect).sum())
    for side, name in ((is_suspect, "suspect"), (~is_suspect, "held-out")):
        if not (side & ~silent).any():
            raise EarwitnessError(f"No {name} track has a value for any feature of known direction; extract again.")
    if not _any_usable(values[~silent]):
        raise EarwitnessError(
            "Every feature of known direction is constant or missing in more than half of the tracks; "
            "there is nothing to test."
        )
    if not silent.any():
        return tracks, []
    kept = replace(tracks, frame=tracks.frame.filter(pl.Series(~silent)))
    return kept, [f"{counts[0]} suspect and {counts[1]} held-out tracks had no value at all and were left out."]


def _any_usable(values: Floats) -> bool:
    """Whether some feature is neither constant nor missing in more tracks than the test allows."""
    present = np.isnan(values).mean(axis=0) <= ExactSettings().max_missing
    varied = [len(np.unique(column[~np.isnan(column)])) > 1 for column in values.T]
    return bool((present & varied).any())


def _why_untestable(n_groups: Counts, alpha: float) -> str | None:
    floor = 1 / comb(n_groups.suspect + n_groups.held_out, n_groups.suspect)
    if min(n_groups.suspect, n_groups.held_out) >= 2 and floor <= alpha:
        return None
    return (
        f"There are {n_groups.suspect} suspect and {n_groups.held_out} held-out groups; whatever the model does, the "
        f"smallest p-value they can give is {floor:.4g}, and {alpha:g} is needed: with "
        f"{max(groups_needed_for_floor(alpha), 2)} groups a side it could be reached."
    )


def _a_a(
    values: Floats, groups: np.ndarray, n_groups: Counts, alpha: float, runs: int, seed: int
) -> tuple[AAControl | None, list[str]]:
    """Run the control where the held-out groups are enough for it, or say why not."""
    if runs == 0:
        return None, ["The A/A control was left out on request; the test's error rate on these data is not shown."]
    pseudo = pseudo_suspect_groups(n_groups.suspect, n_groups.held_out)
    if n_groups.held_out < 4 or comb(n_groups.held_out, pseudo) * alpha < 1:
        return None, [
            f"The A/A control was not run: {n_groups.held_out} held-out groups are too few to be split and still "
            f"reach p = {alpha:g}."
        ]
    if not _any_usable(values):
        return None, ["The A/A control was not run: no feature has enough values that vary among the held-out tracks."]
    settings = ExactSettings(permutations=max(499, ceil(5 / alpha) - 1))
    outcome = aa_control(values, groups, suspect_groups=pseudo, alpha=alpha, runs=runs, seed=seed, settings=settings)
    return AAControl(
        runs=outcome.runs,
        alpha=alpha,
        rejection_rate=outcome.rejection_rate,
        low=outcome.low,
        high=outcome.high,
        p_values=list(outcome.p_values),
    ), []


def _grouped_auc(scores: Floats, is_suspect: Bools, groups: np.ndarray) -> Auc:
    return auc_delong(
        scores[is_suspect],
        scores[~is_suspect],
        positive_groups=groups[is_suspect],
        negative_groups=groups[~is_suspect],
    )


def _power(n_tracks: Counts, groups: np.ndarray, icc: float, auc: Auc, alpha: float) -> Power:
    sizes = np.unique(groups, return_counts=True)[1]
    # The group size that a random track finds itself in: what the design effect depends on.
    group_size = float((sizes**2).sum() / sizes.sum())
    smallest = minimum_detectable_auc(
        n_tracks.suspect, n_tracks.held_out, alpha=alpha, power=0.8, group_size=group_size, icc=icc
    )
    seen = auc.estimate > 0.5
    needed = tracks_needed(auc.estimate, alpha=alpha, power=0.8, group_size=group_size, icc=icc) if seen else None
    return Power(minimum_detectable_auc=smallest, tracks_needed=needed)


def _features(tracks: FeatureTable, is_suspect: Bools, weights: dict[str, float]) -> list[FeatureResult]:
    values, names = tracks.oriented(include_unknown=True)
    return [
        FeatureResult(
            name=name,
            member_is=tracks.specs[name].member_is,
            auc=_known(auc_delong(column[is_suspect], column[~is_suspect]).estimate),
            weight=_known(weights.get(name, float("nan"))),
            missing=int(np.isnan(column).sum()),
        )
        for name, column in zip(names, values.T, strict=True)
    ]


def _group_warnings(tracks: FeatureTable, n_groups: Counts) -> list[str]:
    if n_groups.suspect + n_groups.held_out < tracks.frame.height:
        return []
    return [
        "Every track counts as a group of its own. If tracks share an album or a session, say so in the group column: "
        "otherwise the p-value comes out too small."
    ]


def _value_warnings(test: ExactTest, names: list[str], undirected: int) -> list[str]:
    sentences = []
    if dropped := [name for name, weight in zip(names, test.weights, strict=True) if np.isnan(weight)]:
        listed = ", ".join(dropped[:5]) + (f" and {len(dropped) - 5} more" if len(dropped) > 5 else "")
        sentences.append(
            f"Features that are constant or missing in more than half of the tracks were dropped: {listed}."
        )
    if missing := int(test.missing.sum()):
        share = missing / (len(test.scores) * len(names))
        sentences.append(f"{missing} values ({share:.1%}) were missing; they count as neutral, for neither side.")
    if undirected:
        sentences.append(
            f"{undirected} feature(s) without a known direction took part in the undirected companion test only."
        )
    return sentences


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
