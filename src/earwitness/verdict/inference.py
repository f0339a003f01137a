"""Dataset inference: from a feature table to a verdict with its reasons.

Goal: one call that answers "does this model know the suspect set better than the held-out
set?" and says how far the answer carries. Conventions: tracks are pooled over windows,
groups are the unit of independence, scores are higher = more member-like. The statistics
are in `earwitness.stats`; here they are put together, judged and put into sentences.
"""

from dataclasses import dataclass, replace
from math import ceil, comb
from typing import Literal, TypedDict, cast

import numpy as np

from earwitness.errors import EarwitnessError
from earwitness.features import FeatureTable
from earwitness.stats.aa import AAControl, PValue, aa_control, pair_control, pseudo_suspect_groups
from earwitness.stats.blind import blind_gate, informative, varying
from earwitness.stats.comparison import possible_labellings
from earwitness.stats.eprocess import e_process
from earwitness.stats.exact import ExactSettings, ExactTest, exact_test, unconstrained_test
from earwitness.stats.fraction import UsedFraction, benjamini_hochberg, conformal_p_values, used_fraction
from earwitness.stats.power import minimum_detectable_auc, tracks_needed
from earwitness.stats.published import Method, member_difference, published_p
from earwitness.stats.roc import Auc, auc_delong
from earwitness.stats.scorers import DIRECTED, UNDECLARED
from earwitness.stats.shift import adjusted_p_value
from earwitness.types import Bools, Floats, Ints
from earwitness.verdict.admission import (
    Spanning,
    any_usable,
    check_settings,
    design_notes,
    evenly_known,
    group_warnings,
    one_side_a_group,
    tracks_with_values,
    value_warnings,
    whole_pairs,
)
from earwitness.verdict.judge import findings, judge, why_untestable
from earwitness.verdict.near_copies import near_copies
from earwitness.verdict.published import judge_published
from earwitness.verdict.result import (
    Blind,
    Counts,
    DatasetInferenceResult,
    FeatureResult,
    Interval,
    Power,
    TrackResult,
)

_TRACK_LEVEL = 0.1


def dataset_inference(
    table: FeatureTable,
    *,
    alpha: float = 0.01,
    method: str = "exact",
    permutations: int = 9999,
    seed: int = 0,
    a_a_runs: int = 200,
    spanning: Spanning = "refuse",
    corrected: bool = False,
    comparable: str | None = None,
) -> DatasetInferenceResult:
    """Test whether the suspect tracks are more member-like than the held-out tracks.

    Runs the exact test on features of known direction, less what the blind features say about them
    without a look at labels; its undirected companion on all features; the blind gate; and the A/A
    control on the held-out groups; and draws the verdict:

    * ``cannot_be_tested``: fewer than two groups a side, or so few that no p-value could reach α;
    * ``inconclusive``: the control shows that the test misbehaves on these data, the sets differ
      but not in the direction in which training moves the features, or they differ without the model;
    * ``evidence_of_use``: p ≤ α and the sets are comparable (`earwitness.verdict.judge.judge`);
    * ``no_evidence``: otherwise; ``power`` says what could have been seen.

    Parameters
    ----------
    table
        A checked feature table; ``member`` counts as suspect and ``non_member`` as held-out.
    alpha
        Level of the test, in (0, 1).
    method
        ``exact``, or a published procedure for comparison: ``cdi``, ``iar``, ``llm-di``.
    permutations
        Relabellings to draw where there are more than that.
    seed
        Of relabellings and control splits; same table and seed, same result.
    a_a_runs
        Splits of the A/A control; 0 leaves it out.
    spanning
        What to do with a group that has tracks on both sides: ``refuse`` raises,
        ``exclude`` leaves the whole group out and says so.
    corrected
        For a published procedure: its corrected form.
    comparable
        Why the two sets are comparable, in words, where too few blind features were measured to check
        it; recorded, and repeated among the reasons.

    Returns
    -------
    DatasetInferenceResult
        ``auc`` and ``tracks`` describe the score of the scorer that did best (out of fold where its
        weights saw labels); since that choice saw the labels, its interval describes and does not test.

    Raises
    ------
    EarwitnessError
        If a setting is out of range, groups span both sides, or no usable feature is left.

    Notes
    -----
    Dataset inference after Maini et al. (2406.06443) and Dubiński et al. (2411.12858).
    """
    check_settings(alpha, method, permutations, a_a_runs)
    notes = design_notes(table)
    table, warnings = one_side_a_group(table, spanning)
    table = table.equal_windows()
    tracks, more = tracks_with_values(table.pooled())
    tracks, single = whole_pairs(tracks)
    sides = _Sides.of(tracks)
    possible = possible_labellings(sides.is_suspect, sides.groups, strata=sides.strata, pairs=sides.pairs)
    record = DatasetInferenceResult(
        verdict="cannot_be_tested",
        reasons=[],
        alpha=alpha,
        method=method if method == "exact" or not corrected else f"{method}, corrected",
        permutations=permutations if method == "exact" else None,
        seed=seed,
        comparable=comparable,
        p_value=None,
        p_value_floor=1 / possible,
        n_tracks=sides.n_tracks,
        n_groups=sides.n_groups,
        failures=Counts(suspect=table.failures[0], held_out=table.failures[1]),
        near_copies=near_copies(table),
        target=table.target,
        plan_hash=table.plan_hash,
        warnings=[
            *warnings,
            *notes,
            *more,
            *single,
            *evenly_known(table, tracks),
            *(group_warnings(tracks, sides.n_groups) if sides.pairs is None else []),
        ],
    )
    if method != "exact":
        return _by_published(record, tracks, sides, cast(Method, method), corrected=corrected, runs=a_a_runs)
    if reason := why_untestable(sides.n_groups, alpha, possible=possible, paired=sides.pairs is not None):
        return record.model_copy(update={"reasons": [reason], "features": _features(tracks, sides.is_suspect, {})})
    return _by_exact(record, tracks, sides, ExactSettings(permutations=permutations), runs=a_a_runs)


class _Design(TypedDict):
    """The keywords that tell the engine how labels may move."""

    strata: np.ndarray | None
    pairs: np.ndarray | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Sides:
    """Which track and which group stands on which side."""

    is_suspect: Bools
    groups: np.ndarray
    strata: np.ndarray | None
    pairs: np.ndarray | None
    n_tracks: Counts
    n_groups: Counts

    @classmethod
    def of(cls, tracks: FeatureTable) -> "_Sides":
        suspect, groups = tracks.is_suspect(), tracks.frame["group"].to_numpy()
        return cls(
            is_suspect=suspect,
            groups=groups,
            strata=tracks.design("stratum"),
            pairs=tracks.design("pair"),
            n_tracks=Counts(suspect=int(suspect.sum()), held_out=int((~suspect).sum())),
            n_groups=Counts(suspect=len(np.unique(groups[suspect])), held_out=len(np.unique(groups[~suspect]))),
        )


def _by_exact(
    record: DatasetInferenceResult, tracks: FeatureTable, sides: _Sides, settings: ExactSettings, *, runs: int
) -> DatasetInferenceResult:
    values, names = tracks.oriented()
    is_suspect, groups, alpha, seed = sides.is_suspect, sides.groups, record.alpha, record.seed or 0
    headline, settings = _headline(tracks, names, settings)
    described, _ = tracks.blind()
    described = described[:, varying(described)]
    covariates = described if described.shape[1] else None
    design = _Design(strata=sides.strata, pairs=sides.pairs)
    test = exact_test(
        values, is_suspect, groups,
        settings=settings, seed=seed, headline=headline, covariates=covariates, **design,
    )  # fmt: skip
    every, every_name = tracks.oriented(include_unknown=True)
    companion = unconstrained_test(
        every, is_suspect, groups, settings=settings, seed=seed, covariates=covariates, **design
    )

    # Of the tracks that the control compares: of pairs all, of sets the held-out ones.
    compared = np.full(len(values), True) if sides.pairs is not None else ~is_suspect
    control = replace(settings, permutations=max(499, ceil(5 / alpha) - 1))

    def under_the_null(values: Floats, pseudo_suspect: Bools, groups: Ints, run_seed: int) -> float:
        return exact_test(
            values, pseudo_suspect, groups, settings=control, seed=run_seed, headline=headline,
            covariates=None if covariates is None else covariates[compared],
            strata=None if sides.strata is None else sides.strata[compared], pairs=sides.pairs,
        ).p_value  # fmt: skip

    a_a, a_a_warnings = _a_a(values, sides, alpha, runs, seed, p_value=under_the_null, exact=True)
    blind = None
    if covariates is not None:
        blind = _blind(covariates, values, sides, settings, record, test=test, headline=headline)
    verdict, reasons = judge(
        test, alpha=alpha, companion_p=companion.p_value, a_a=a_a, blind=blind, comparable=record.comparable
    )
    auc = _grouped_auc(test.scores, is_suspect, groups)
    power = _power(record.n_tracks, groups, test.intraclass_correlation, auc.estimate, alpha)
    # Neither the share used nor the bets compare within pairs; between works they would assume what pairs do not.
    comparable_singly = sides.pairs is None
    alike = blind is not None and blind.alike
    fraction, track_p_values, standing_out = _NOT_USED
    if verdict == "evidence_of_use" and comparable_singly and alike:
        fraction, track_p_values, standing_out = _used(values, sides, seed)
    e_value = None
    if comparable_singly:
        e_value = e_process(values, groups, is_suspect, tracks.frame["track_id"].to_numpy(), seed=seed).e_value
    interval = Interval(estimate=_known(auc.estimate), low=_known(auc.low), high=_known(auc.high))
    return record.model_copy(
        update={
            "verdict": verdict,
            "reasons": [
                *reasons,
                *findings(
                    verdict,
                    auc=interval,
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
            "auc": interval,
            "unconstrained_p_value": companion.p_value,
            "blind": blind,
            "a_a": a_a,
            "e_value": e_value,
            "fraction": fraction,
            "power": power,
            "features": _features(tracks, is_suspect, dict(zip(names, test.weights.tolist(), strict=True))),
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


def _by_published(
    record: DatasetInferenceResult,
    tracks: FeatureTable,
    sides: _Sides,
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

    def p_value(values: Floats, is_suspect: Bools, _: Ints, run_seed: int) -> float:
        return published_p(values, is_suspect, method, corrected=corrected, seed=run_seed % 2**32)

    p = p_value(values, sides.is_suspect, np.arange(len(values)), seed)
    a_a, a_a_warnings = _a_a(values, sides, record.alpha, runs, seed, p_value=p_value)
    direction: Literal["member", "away"] = "member" if member_difference(directed, sides.is_suspect) > 0 else "away"
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
            "features": _features(tracks, sides.is_suspect, {}),
            "warnings": [
                *record.warnings,
                f"The procedure {method} is here for comparison: it takes tracks as independent, whatever the groups.",
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
    sides: _Sides,
    settings: ExactSettings,
    record: DatasetInferenceResult,
    *,
    test: ExactTest,
    headline: Floats,
) -> Blind:
    """Pass the sets through the blind gate; adjust where a rejection needs it."""
    seed = record.seed or 0
    design = _Design(strata=sides.strata, pairs=sides.pairs)
    gate = blind_gate(
        described, sides.is_suspect, sides.groups, alpha=record.alpha, settings=settings, seed=seed, **design
    )
    blind = Blind(
        auc=gate.auc,
        low=gate.low,
        high=gate.high,
        p_value=gate.p_value,
        passes=gate.passes,
        harmful_auc=gate.harmful_auc,
        state=gate.state,
        informative=int(informative(described).sum()),
    )
    if gate.passes or test.p_value > record.alpha:
        return blind
    adjusted = adjusted_p_value(
        values, described, sides.is_suspect, sides.groups,
        weights=test.weights, settings=settings, seed=seed, headline=headline, **design,
    )  # fmt: skip
    return blind.model_copy(
        update={
            # An undecided gate asks what is left of the difference, not for a second rejection.
            "adjusted_p_value": _known(adjusted.p_value) if gate.state == "fail" else None,
            "adjusted_method": adjusted.method,
            "adjusted_detail": adjusted.detail,
            "effect_ratio": _known(adjusted.effect_ratio),
        }
    )


_NOT_USED: tuple[UsedFraction | None, dict[int, float], int] = (None, {}, 0)


def _used(values: Floats, sides: _Sides, seed: int) -> tuple[UsedFraction | None, dict[int, float], int]:
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


def _a_a(
    values: Floats, sides: _Sides, alpha: float, runs: int, seed: int, *, p_value: PValue, exact: bool = False
) -> tuple[AAControl | None, list[str]]:
    """Run the control where the held-out groups are enough for it, or say why not."""
    if runs == 0:
        return None, ["The A/A control was left out on request; the test's error rate on these data is not shown."]
    if exact and sides.pairs is not None:
        return pair_control(
            values, sides.is_suspect, sides.groups, sides.pairs, alpha=alpha, p_value=p_value, runs=runs, seed=seed
        ), []
    values, groups, n_groups = values[~sides.is_suspect], sides.groups[~sides.is_suspect], sides.n_groups
    pseudo = pseudo_suspect_groups(n_groups.suspect, n_groups.held_out)
    if n_groups.held_out < 4 or (exact and comb(n_groups.held_out, pseudo) < 1 / alpha):
        return None, [
            f"The A/A control was not run: {n_groups.held_out} held-out groups are too few to be split and still "
            f"reach p = {alpha:g}."
        ]
    if not any_usable(values):
        return None, ["The A/A control was not run: no feature has enough values that vary among the held-out tracks."]
    try:
        outcome = aa_control(values, groups, suspect_groups=pseudo, alpha=alpha, runs=runs, seed=seed, p_value=p_value)
    except EarwitnessError as error:  # a published method that needs more tracks a side than such a split has
        return None, [f"The A/A control was not run: the held-out set cannot be split so small. {error}"]
    return outcome, []


def _grouped_auc(scores: Floats, is_suspect: Bools, groups: np.ndarray) -> Auc:
    return auc_delong(
        scores[is_suspect],
        scores[~is_suspect],
        positive_groups=groups[is_suspect],
        negative_groups=groups[~is_suspect],
    )


def _power(n_tracks: Counts, groups: np.ndarray, icc: float, auc: float, alpha: float) -> Power:
    sizes = np.unique(groups, return_counts=True)[1]
    # The group size that a random track finds itself in: what the design effect depends on.
    group_size = float((sizes**2).sum() / sizes.sum())
    smallest = minimum_detectable_auc(
        n_tracks.suspect, n_tracks.held_out, alpha=alpha, power=0.8, group_size=group_size, icc=icc
    )
    needed = tracks_needed(auc, alpha=alpha, power=0.8, group_size=group_size, icc=icc) if auc > 0.5 else None
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


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
