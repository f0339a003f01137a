"""The verdict: each of the four, its reasons, and what it refuses to judge."""

from dataclasses import asdict
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
import pytest

from earwitness.errors import EarwitnessError
from earwitness.features import FeatureTable
from earwitness.stats.aa import AAControl, rejection_rate
from earwitness.stats.exact import ExactTest
from earwitness.stats.roc import auc_delong
from earwitness.verdict.inference import dataset_inference
from earwitness.verdict.judge import judge
from earwitness.verdict.result import Blind, DatasetInferenceResult, Power


def _table(
    shift: float,
    *,
    side: int = 40,
    per_group: int = 2,
    features: int = 4,
    higher: tuple[str, ...] = ("f*",),
    seed: int = 0,
    roles: tuple[str, str] = ("suspect", "held_out"),
) -> FeatureTable:
    values = np.random.default_rng(seed).standard_normal((2 * side, features))
    values[:side] += shift
    frame = pl.DataFrame(
        {
            "track_id": [f"t{i:03d}" for i in range(2 * side)],
            "role": [roles[0]] * side + [roles[1]] * side,
            "group": [f"g{i // per_group:03d}" for i in range(2 * side)],
            **{f"f{j}": values[:, j] for j in range(features)},
        }
    )
    return FeatureTable.from_frame(frame, higher=higher)


QUICK = {"permutations": 199, "a_a_runs": 0, "effect_runs": 0}
BY_LOT = "drawn by lot from one session"


def _edited(table: FeatureTable, *columns: pl.Expr) -> FeatureTable:
    return FeatureTable.from_frame(table.frame.with_columns(*columns), higher=("f*",))


def test_evidence_of_use(tmp_path: Path) -> None:
    table = _table(0.8)
    result = dataset_inference(table, permutations=499, a_a_runs=5, effect_runs=0, seed=1, comparable=BY_LOT)
    assert result.verdict == "evidence_of_use"
    assert result.p_value == result.p_value_floor == 1 / 500
    assert "p = 0.002 at level 0.01, from 499 random relabellings of 40 whole groups" in result.reasons[0]
    assert (result.n_tracks.suspect, result.n_groups.held_out) == (40, 20)
    assert result.unconstrained_p_value == 1 / 500
    assert result.a_a is not None
    assert len(result.a_a.p_values) == 5
    assert result.power == Power(minimum_detectable_auc=None, tracks_needed=None)
    # The recorded interval is that of the recorded scores.
    scores = {role: [t.score for t in result.tracks if t.role == role] for role in ("suspect", "held_out")}
    groups = {role: [t.group for t in result.tracks if t.role == role] for role in ("suspect", "held_out")}
    auc = auc_delong(
        scores["suspect"],
        scores["held_out"],
        positive_groups=groups["suspect"],
        negative_groups=groups["held_out"],
    )
    assert result.auc is not None
    assert (result.auc.estimate, result.auc.low, result.auc.high) == (auc.estimate, auc.low, auc.high)
    assert BY_LOT in result.reasons[1]
    # What was not shown to be alike without the model has no effect of the model to speak of, in pairs or tracks.
    assert not any("outscores" in reason for reason in result.reasons)
    assert (result.track_wise, result.fraction, [t for t in result.tracks if t.p_value]) == (False, None, [])
    result.write(tmp_path / "result.json")
    assert DatasetInferenceResult.read(tmp_path / "result.json") == result


def test_no_evidence_says_which_safeguards_were_left_out() -> None:
    result = dataset_inference(_table(0.0), **QUICK)
    assert result.verdict == "no_evidence"
    assert not any("may have been missed" in reason for reason in result.reasons)
    assert any("A/A control was left out" in warning for warning in result.warnings)
    assert any("could have found was left out" in warning for warning in result.warnings)


def test_difference_away_from_membership_is_inconclusive() -> None:
    result = dataset_inference(_table(-0.8), **QUICK)
    assert result.verdict == "inconclusive"
    assert result.p_value is not None
    assert result.p_value > 0.5
    assert result.unconstrained_p_value == 1 / 200
    assert "not beyond chance in the direction in which training moves them" in result.reasons[1]


def test_too_few_groups_cannot_be_tested() -> None:
    result = dataset_inference(_table(3.0, side=8), permutations=999)
    assert result.verdict == "cannot_be_tested"
    assert result.p_value is None
    assert result.p_value_floor == 1 / 70
    assert result.reasons == [
        "There are 4 suspect and 4 held-out groups; whatever the model does, the smallest p-value they can give is "
        "0.014, and 0.01 is needed: with 5 groups a side it could be reached."
    ]
    assert [feature.weight for feature in result.features] == [None] * 4
    five = dataset_inference(_table(3.0, side=10), permutations=999, comparable=BY_LOT)
    assert (five.verdict, five.p_value, five.p_value_floor) == ("evidence_of_use", 1 / 252, 1 / 252)
    assert "all 252 relabellings" in five.reasons[0]
    assert any("5 held-out groups are too few to be split" in warning for warning in five.warnings)
    one = _edited(
        _table(3.0, side=100), pl.when(pl.col("role") == "suspect").then(pl.lit("s")).otherwise("group").alias("group")
    )
    assert dataset_inference(one, alpha=0.05).verdict == "cannot_be_tested"


def test_members_and_non_members_are_accepted_as_the_two_sides() -> None:
    plain = dataset_inference(_table(0.3), **QUICK)
    aliased = dataset_inference(_table(0.3, roles=("member", "non_member")), **QUICK)
    assert aliased.p_value == plain.p_value
    assert {track.role for track in aliased.tracks} == {"member", "non_member"}


def test_row_order_changes_nothing_and_the_seed_is_kept() -> None:
    table = _table(0.3)
    shuffled = FeatureTable.from_frame(table.frame.sample(fraction=1, shuffle=True, seed=4), higher=("f*",))
    first = dataset_inference(table, permutations=199, a_a_runs=3, effect_runs=0, seed=9)
    assert dataset_inference(shuffled, permutations=199, a_a_runs=3, effect_runs=0, seed=9) == first
    assert dataset_inference(table, permutations=199, a_a_runs=3, effect_runs=0, seed=10) != first


def test_windows_are_pooled_before_the_test() -> None:
    table = _table(0.3)
    offsets = (0.5, -0.5)
    windows = [
        table.frame.with_columns(pl.lit(number).alias("window"), *[pl.col(f"f{j}") + offset for j in range(4)])
        for number, offset in enumerate(offsets)
    ]
    split = FeatureTable.from_frame(pl.concat(windows), higher=("f*",))
    one, two = (dataset_inference(t, **QUICK) for t in (table, split))
    assert two.p_value == one.p_value
    assert two.n_tracks == one.n_tracks


def test_groups_on_both_sides_are_refused_or_left_out() -> None:
    table = _edited(_table(0.8), pl.col("group").replace("g020", "g000"))
    with pytest.raises(
        EarwitnessError,
        match=r'1 group\(s\) have tracks on both sides: g000; .*--exclude-spanning; .*spanning="exclude"',
    ):
        dataset_inference(table)
    result = dataset_inference(table, **QUICK, spanning="exclude")
    assert (result.n_groups.suspect, result.n_groups.held_out) == (19, 19)
    assert any("were left out: g000" in warning for warning in result.warnings)
    everything = _edited(_table(0.8), pl.lit("g").alias("group"))
    with pytest.raises(EarwitnessError, match="one side is empty"):
        dataset_inference(everything, spanning="exclude")


def test_missing_and_useless_features_are_said() -> None:
    index = pl.int_range(pl.len())
    table = _edited(
        _table(0.8),
        pl.lit(1.0).alias("f0"),
        pl.when(index < 60).then(float("nan")).otherwise("f1").alias("f1"),
        pl.when(index == 5).then(float("nan")).otherwise("f2").alias("f2"),
        pl.when(index == 5).then(float("nan")).otherwise("f3").alias("f3"),
    ).frame.with_columns(pl.when(index == 5).then(float("nan")).otherwise("f0").alias("f0"))
    result = dataset_inference(FeatureTable.from_frame(table, higher=("f*",)), **QUICK)
    text = " ".join(result.warnings)
    assert "1 suspect and 0 held-out tracks had no value at all" in text
    assert "were dropped: f0, f1." in text
    assert "59 values (18.7%) were missing" in text
    assert result.n_tracks.suspect == 39
    assert [feature.missing for feature in result.features] == [0, 59, 0, 0]
    assert [feature.weight is None for feature in result.features] == [True, True, False, False]


def test_control_is_left_out_where_a_published_method_cannot_be_run_on_its_halves() -> None:
    result = dataset_inference(_table(0.0, side=6, per_group=1), method="cdi", a_a_runs=5, effect_runs=0)
    assert result.a_a is None
    assert result.p_value is not None
    assert any("the held-out set cannot be split so small" in warning for warning in result.warnings)


def test_control_is_left_out_where_held_out_tracks_have_no_usable_feature() -> None:
    flat = [pl.when(pl.col("role") == "held_out").then(0.0).otherwise(f"f{j}").alias(f"f{j}") for j in range(4)]
    result = dataset_inference(_edited(_table(0.8), *flat), permutations=199, a_a_runs=5, effect_runs=0)
    assert result.a_a is None
    assert any("no feature has enough values that vary" in warning for warning in result.warnings)


def test_features_without_direction_join_the_companion_only() -> None:
    values = np.random.default_rng(3).standard_normal(80) + 2.0 * (np.arange(80) < 40)
    table = _edited(_table(0.0), pl.Series("odd", values))
    result = dataset_inference(table, **QUICK)
    assert result.verdict == "inconclusive"
    odd = result.features[-1]
    assert (odd.name, odd.member_is, odd.weight) == ("odd", "unknown", None)
    assert any("1 feature(s) without a known direction" in warning for warning in result.warnings)
    with pytest.raises(EarwitnessError, match="No feature has a known direction"):
        dataset_inference(_table(0.0, higher=()))


def test_single_track_groups_are_warned_about() -> None:
    assert any("group of its own" in w for w in dataset_inference(_table(0, per_group=1), **QUICK).warnings)
    assert not any("group of its own" in w for w in dataset_inference(_table(0), **QUICK).warnings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"alpha": 0.0}, "alpha must lie between 0 and 1"),
        ({"alpha": 1.0}, "alpha must lie between 0 and 1"),
        ({"permutations": 98}, "98 permutations cannot give .* use at least 99"),
        ({"method": "magic"}, "no method 'magic'; choose exact"),
        ({"a_a_runs": -1}, "A/A control cannot have -1 runs"),
        ({"effect_runs": 4}, "4 repetitions cannot say .* 5 or more"),
    ],
)
def test_settings_out_of_range(settings: dict[str, object], message: str) -> None:
    with pytest.raises(EarwitnessError, match=message):
        dataset_inference(_table(0.0), **settings)  # type: ignore[arg-type]


def test_tables_without_anything_to_test() -> None:
    constant = _edited(_table(0.0), *[pl.lit(1.0).alias(f"f{j}") for j in range(4)])
    with pytest.raises(EarwitnessError, match="nothing to test"):
        dataset_inference(constant)
    silent = _edited(
        _table(0.0),
        *[pl.when(pl.col("role") == "suspect").then(float("nan")).otherwise(f"f{j}").alias(f"f{j}") for j in range(4)],
    )
    with pytest.raises(EarwitnessError, match="No suspect track has a value"):
        dataset_inference(silent)


# ------------------------------------------------------------- the judgement alone


def _test(p_value: float) -> ExactTest:
    return ExactTest(
        p_value=p_value,
        p_value_floor=0.001,
        scorer_p_values={"equal": p_value},
        statistics={"equal": 1.0},
        chosen="equal",
        weights=np.ones(1),
        scores=np.zeros(4),
        missing=np.zeros(1, int),
        enumerated=False,
        labellings_used=1000,
        n_groups_suspect=20,
        n_groups_held_out=20,
        n_pairs=0,
        intraclass_correlation=0.0,
    )


def _blind(
    state: Literal["pass", "undecided", "fail"],
    *,
    adjusted: float | None = None,
    ratio: float | None = None,
    informative: int = 20,
) -> Blind:
    return Blind(
        auc=0.7,
        low=0.6,
        high=0.8,
        p_value=0.001,
        passes=state == "pass",
        state=state,
        harmful_auc=0.55,
        adjusted_p_value=adjusted,
        effect_ratio=ratio,
        informative=informative,
    )


@pytest.mark.parametrize(
    ("p", "companion", "alarms", "blind", "verdict"),
    [
        (0.005, 0.005, 7, _blind("pass"), "evidence_of_use"),
        (0.01, 1.0, None, _blind("pass"), "evidence_of_use"),
        (0.011, 0.02, None, None, "no_evidence"),
        (0.2, 0.01, None, None, "inconclusive"),
        (0.005, 0.005, 12, None, "inconclusive"),
        (0.005, 0.005, None, None, "inconclusive"),
        (0.005, 0.005, None, _blind("pass", informative=4), "inconclusive"),
        (0.005, 0.005, None, _blind("pass", informative=5), "evidence_of_use"),
        (0.005, 0.005, None, _blind("fail"), "inconclusive"),
        (0.005, 0.005, None, _blind("fail", adjusted=0.02), "inconclusive"),
        (0.005, 0.005, None, _blind("fail", adjusted=0.01), "evidence_of_use"),
        (0.005, 0.005, None, _blind("undecided", ratio=0.5), "evidence_of_use"),
        (0.005, 0.005, None, _blind("undecided", ratio=0.49), "inconclusive"),
        (0.2, 0.5, None, _blind("fail"), "no_evidence"),
    ],
)
def test_judgement(p: float, companion: float, alarms: int | None, blind: Blind | None, verdict: str) -> None:
    a_a = None
    if alarms is not None:
        a_a = AAControl(**asdict(rejection_rate([0.0] * alarms + [1.0] * (200 - alarms), 0.01)))
    found, reasons = judge(_test(p), alpha=0.01, companion_p=companion, a_a=a_a, blind=blind)
    assert found == verdict
    assert all(reason.endswith(".") and reason[0].isupper() for reason in reasons)


@pytest.mark.parametrize("companion", [0.5, 0.001])
def test_sets_that_differ_without_the_model_are_named_where_nothing_was_found(companion: float) -> None:
    states: list[tuple[Literal["pass", "undecided", "fail"], bool]] = [
        ("fail", True),
        ("undecided", False),
        ("pass", False),
    ]
    for state, named in states:
        _, reasons = judge(_test(0.2), alpha=0.01, companion_p=companion, a_a=None, blind=_blind(state))
        assert any("can be told apart without asking the model" in reason for reason in reasons) is named
        assert any("that nothing was found says little" in reason for reason in reasons) is named


@pytest.mark.parametrize("blind", [None, _blind("pass", informative=1)])
def test_a_statement_in_words_stands_in_for_blind_features(blind: Blind | None) -> None:
    test = _test(0.005)
    found, reasons = judge(test, alpha=0.01, companion_p=0.005, a_a=None, blind=blind)
    assert found == "inconclusive"
    assert reasons[1].startswith("Comparability not checked: ")
    found, reasons = judge(test, alpha=0.01, companion_p=0.005, a_a=None, blind=blind, comparable=BY_LOT)
    assert found == "evidence_of_use"
    assert BY_LOT in reasons[1]
    # Words do not wave through what the numbers speak against.
    assert judge(
        test, alpha=0.01, companion_p=0.005, a_a=None, blind=_blind("fail", informative=1), comparable=BY_LOT
    )[0] == "inconclusive"  # fmt: skip


def test_no_evidence_rests_on_suspects_that_say_a_machine_made_them() -> None:
    settings = {"alpha": 0.01, "companion_p": 0.005, "a_a": None, "blind": _blind("pass"), "machine_made": True}
    found, reasons = judge(_test(0.005), **settings)  # type: ignore[arg-type]
    assert found == "inconclusive"
    assert reasons[1].startswith("Some suspect tracks say of themselves that a machine made them.")
    assert judge(_test(0.5), **settings | {"companion_p": 0.5})[0] == "no_evidence"  # type: ignore[arg-type]


@pytest.mark.parametrize("column", ["constant", "noise"])
def test_one_empty_blind_column_is_no_check(column: str) -> None:
    values = np.ones(80) if column == "constant" else np.random.default_rng(1).standard_normal(80)
    table = FeatureTable.from_frame(_table(0.8).frame.with_columns(pl.Series("blind/one", values)), higher=("f*",))
    result = dataset_inference(table, **QUICK)
    assert result.verdict == "inconclusive"
    assert any("Comparability not checked" in reason for reason in result.reasons)
    stated = dataset_inference(table, **QUICK, comparable=BY_LOT)
    assert stated.comparable == BY_LOT


def test_more_groups_than_a_float_can_count() -> None:
    result = dataset_inference(
        _table(0.3, side=1100, per_group=1), permutations=99, a_a_runs=1, effect_runs=0, comparable=BY_LOT
    )
    assert result.n_groups.suspect == 1100
    assert result.verdict == "evidence_of_use"
