"""What stands between a small p-value and a verdict: the blind gate, the adjusted test, the published forms."""

from dataclasses import replace
from io import StringIO

import numpy as np
import polars as pl
import pytest
from rich.console import Console

from earwitness.errors import EarwitnessError
from earwitness.features import FeatureTable
from earwitness.report.context import ReportContext
from earwitness.report.html import render_html
from earwitness.report.text import print_result
from earwitness.stats.fraction import UsedFraction, used_fraction
from earwitness.verdict import wording
from earwitness.verdict.inference import dataset_inference
from earwitness.verdict.judge import findings
from earwitness.verdict.result import DatasetInferenceResult, Interval, Power, Tipping

SIDE = 60


def table(
    *, member: float = 0.0, shift: float = 0.0, dependence: float = 0.0, album: int = 1, icc: float = 0.0, seed: int = 0
) -> FeatureTable:
    """Three features that a member moves by ``member`` sd and that depend on two shifted blind ones of six."""
    rng = np.random.default_rng(seed)
    suspect = np.arange(2 * SIDE) < SIDE
    groups = np.arange(2 * SIDE) // album
    blind = rng.normal(size=(2 * SIDE, 6))
    blind[:, :2] += shift * suspect[:, None]
    albums = rng.normal(size=(2 * SIDE, 3))[groups]
    own = np.sqrt(icc) * albums + np.sqrt(1 - icc) * rng.normal(size=(2 * SIDE, 3))
    values = own + dependence * blind[:, :2].sum(axis=1, keepdims=True) + member * suspect[:, None]
    frame = pl.DataFrame(
        {
            "track_id": [f"t{i:03d}" for i in range(2 * SIDE)],
            "role": np.where(suspect, "suspect", "held_out"),
            "group": [f"g{group}" for group in groups],
            **{f"f{j}": values[:, j] for j in range(3)},
            **{f"blind/b{j}": blind[:, j] for j in range(6)},
        }
    )
    return FeatureTable.from_frame(frame, source="a test", higher=["f*"])


def verdict(table: FeatureTable, **settings: object) -> DatasetInferenceResult:
    return dataset_inference(table, permutations=999, a_a_runs=40, effect_runs=0, **settings)  # type: ignore[arg-type]


def test_a_shift_without_membership_is_not_evidence() -> None:
    result = verdict(table(shift=0.8, dependence=0.7))
    assert result.blind is not None
    assert result.blind.state == "fail"
    assert result.verdict != "evidence_of_use"
    assert result.p_value is not None
    assert result.p_value > 0.05
    assert all(track.p_value is None for track in result.tracks)
    assert result.fraction is None
    assert any("can be told apart without asking the model" in reason for reason in result.reasons)


def test_membership_under_a_shift_survives_the_adjustment() -> None:
    result = verdict(table(member=1.5, shift=0.5, dependence=0.3))
    assert result.blind is not None
    assert result.blind.state == "fail"
    assert result.blind.adjusted_method == "residualised"
    assert result.verdict == "evidence_of_use"
    assert any("remains when that is accounted for" in reason for reason in result.reasons)
    assert result.blind.effect_ratio is not None
    assert 0.5 < result.blind.effect_ratio < 1


def test_a_positive_verdict_alone_says_how_much_and_which() -> None:
    result = next(
        r for r in (verdict(table(member=2.5, seed=seed)) for seed in range(20)) if r.blind and r.blind.passes
    )
    assert result.verdict == "evidence_of_use"
    assert result.fraction is not None
    assert 0.3 < result.fraction.lower < 1
    suspects = [track for track in result.tracks if track.role == "suspect"]
    assert all(track.p_value is not None for track in suspects)
    assert min(track.p_value or 1 for track in suspects) == pytest.approx(1 / (SIDE + 1))
    assert all(track.p_value is None for track in result.tracks if track.role == "held_out")
    assert result.e_value is not None
    assert result.e_value > 100
    assert any("stand out one by one" in reason for reason in result.reasons)


def _said(result: DatasetInferenceResult) -> str:
    """Everything that terminal and page show of a result."""
    console = Console(width=200, record=True, file=StringIO())
    print_result(result, console)
    return console.export_text() + render_html(result, ReportContext())


def _bare(member: float) -> FeatureTable:
    frame = table(member=member).frame.drop([f"blind/b{j}" for j in range(6)])
    return FeatureTable.from_frame(frame, source="a test", higher=["f*"])


@pytest.mark.parametrize(
    ("sets", "state", "spoken"),
    [
        (table(member=2.5, seed=0), "pass", True),
        (table(member=2.5, seed=1), "undecided", False),
        (table(member=2.5, shift=0.5, dependence=0.3), "fail", False),
        (_bare(2.5), None, False),
    ],
)
def test_effect_share_and_tracks_are_spoken_of_only_on_sets_shown_to_be_alike(
    sets: FeatureTable, state: str | None, spoken: bool
) -> None:
    result = verdict(sets, comparable="drawn by lot")
    assert result.verdict == "evidence_of_use"
    assert (None if result.blind is None else result.blind.state) == state
    assert (result.fraction is not None, any(t.p_value is not None for t in result.tracks)) == (spoken, spoken)
    said = " ".join(_said(result).split()) + result.model_dump_json()
    assert ("outscores a held-out track in" in said) is spoken
    assert ("of the suspect tracks were used" in said) is spoken
    assert ("stand out one by one" in said) is spoken
    assert ("unadjusted AUC" in said) is not spoken
    assert ('<th scope="col" class="number">Score</th>' in said) is spoken


def test_a_bound_of_zero_is_no_reason() -> None:
    nothing = Interval(estimate=None, low=None, high=None)
    for lower, said in ((0.0, []), (0.004, []), (0.006, ["At least 0.6\xa0% of the suspect tracks were used"])):
        reasons = findings(
            "evidence_of_use", auc=nothing, power=Power(minimum_detectable_auc=None, tracks_needed=None),
            fraction=UsedFraction(lower=lower, estimate=0.3), standing_out=0, alike=True, any_weight=True,
        )  # fmt: skip
        assert [reason.split(", with")[0] for reason in reasons] == said


def test_without_blind_features_the_reader_is_told() -> None:
    bare = table(member=1.0)
    frame = bare.frame.drop([f"blind/b{j}" for j in range(6)])
    result = verdict(FeatureTable.from_frame(frame, source="a test", higher=["f*"]))
    assert result.verdict == "inconclusive"
    assert result.blind is None
    assert any("Comparability not checked" in reason for reason in result.reasons)


@pytest.mark.parametrize("method", ["cdi", "iar", "llm-di"])
def test_published_procedures_show_their_own_error_rate(method: str) -> None:
    result = verdict(table(member=1.0), method=method)
    assert result.method == method
    assert result.p_value is not None
    assert result.p_value < 0.01
    assert result.a_a is not None
    assert (result.verdict, result.direction) == ("inconclusive", "member")
    assert len(result.a_a.p_values) == 40
    assert any("takes tracks as independent" in warning for warning in result.warnings)


def test_a_published_procedure_that_misbehaves_carries_no_weight() -> None:
    albums = table(album=10, icc=0.9, seed=3)
    published = verdict(albums, method="cdi")
    assert published.a_a is not None
    assert published.a_a.low > 0.01
    assert published.verdict == "inconclusive"
    assert not published.a_a.impossible or any("carries no weight" in reason for reason in published.reasons)
    assert verdict(albums, alpha=0.05).verdict == "no_evidence"  # six albums per side: the exact test holds its level


def test_the_corrected_form_looks_one_way_only() -> None:
    away = table(member=-1.0)
    published = verdict(away, method="iar")
    assert (published.verdict, published.direction) == ("inconclusive", "away")
    assert any("the opposite of what training does" in reason for reason in published.reasons)
    corrected = verdict(away, method="iar", corrected=True)
    assert (corrected.verdict, corrected.method) == ("no_evidence", "iar, corrected")
    assert verdict(away).verdict == "inconclusive"  # the sets differ, but not the way training moves them


def _pairs(*, member: float, seed: int = 0) -> pl.DataFrame:
    """Forty works with a released and an unreleased take; takes share .8 of what moves a score."""
    rng = np.random.default_rng(seed)
    suspect, pair = np.arange(80) < 40, np.tile(np.arange(40), 2)
    work = rng.normal(size=(40, 3))[pair]
    values = np.sqrt(0.8) * work + np.sqrt(0.2) * rng.normal(size=(80, 3)) + member * suspect[:, None]
    return pl.DataFrame(
        {
            "track_id": [f"t{i:02d}" for i in range(80)],
            "role": np.where(suspect, "suspect", "held_out"),
            "group": [f"work {number}" for number in pair],
            "pair": [f"work {number}" for number in pair],
            **{f"f{j}": values[:, j] for j in range(3)},
            **{f"blind/b{j}": column for j, column in enumerate(rng.normal(size=(6, 80)))},
        }
    )


def test_pairs_are_compared_with_themselves() -> None:
    frame = _pairs(member=0.5)
    result = verdict(FeatureTable.from_frame(frame, source="a test", higher=["f*"]))
    assert result.verdict == "evidence_of_use"
    assert "relabellings of 40 pairs" in result.reasons[0]
    assert result.a_a is not None
    assert result.blind is not None
    apart = frame.drop("pair").with_columns(group=pl.col("track_id"))
    unpaired = verdict(FeatureTable.from_frame(apart, source="a test", higher=["f*"]))
    assert result.p_value is not None
    assert unpaired.p_value is not None
    assert result.p_value < unpaired.p_value


def test_pairs_without_a_counterpart_are_left_out_and_few_pairs_cannot_be_tested() -> None:
    frame = _pairs(member=0.5)
    half = FeatureTable.from_frame(frame.filter(pl.col("track_id") != "t03"), source="a test", higher=["f*"])
    result = verdict(half)
    assert (result.n_tracks.suspect, result.n_tracks.held_out) == (39, 39)
    assert any("1 tracks without a counterpart" in warning for warning in result.warnings)
    few = FeatureTable.from_frame(
        frame.filter(pl.col("pair").is_in([f"work {i}" for i in range(6)])), source="a test", higher=["f*"]
    )
    result = verdict(few)
    assert (result.verdict, result.p_value_floor) == ("cannot_be_tested", 1 / 64)
    assert "with 7 pairs" in result.reasons[0]
    with pytest.raises(EarwitnessError, match="pairs and strata"):
        verdict(FeatureTable.from_frame(frame.with_columns(stratum=pl.lit("x")), source="a test", higher=["f*"]))
    with pytest.raises(EarwitnessError, match="No pair has a track on both sides"):
        verdict(FeatureTable.from_frame(frame.with_columns(pair=pl.col("track_id")), source="a test", higher=["f*"]))


def test_what_differs_between_strata_is_no_evidence() -> None:
    # Two labels of unlike loudness to the model, unevenly spread over the sets: nothing was trained on.
    rng = np.random.default_rng(4)
    suspect = np.arange(120) < 60
    loud = np.where(suspect, np.arange(120) % 4 > 0, np.arange(120) % 4 == 0)
    frame = table().frame.with_columns(
        pl.Series("stratum", np.where(loud, "loud", "quiet")),
        *[pl.Series(f"f{j}", rng.normal(size=120) + 1.5 * loud) for j in range(3)],
    )
    within = verdict(FeatureTable.from_frame(frame, source="a test", higher=["f*"]))
    across = verdict(FeatureTable.from_frame(frame.drop("stratum"), source="a test", higher=["f*"]))
    assert across.p_value is not None
    assert across.p_value <= 0.01
    assert within.verdict == "no_evidence"


def test_windows_are_made_equal_before_they_are_averaged() -> None:
    # Skewed scores, six windows of a suspect and one of a held-out track: the means differ, the model does not.
    rng = np.random.default_rng(5)
    tracks = table().frame.select("track_id", "role", "group")
    rows = tracks.filter(pl.col("role") == "suspect").join(pl.DataFrame({"window": range(6)}), how="cross")
    rows = pl.concat([rows, tracks.filter(pl.col("role") == "held_out").with_columns(window=pl.lit(0, pl.Int64))])
    rows = rows.with_columns(f=pl.Series(rng.exponential(size=rows.height)))
    windows = FeatureTable.from_frame(rows, source="a test", higher=["f"])
    equal = windows.equal_windows()
    assert equal.frame.height == 120
    assert "no track is heard in more than 1" in equal.notes[-1]
    shuffled = FeatureTable.from_frame(rows.sample(fraction=1, shuffle=True, seed=1), source="a test", higher=["f"])
    assert shuffled.equal_windows().pooled().frame.equals(equal.pooled().frame)
    result = verdict(windows)
    assert result.verdict == "no_evidence"
    assert equal.notes[-1] in result.warnings


def test_values_missing_on_one_side_are_refused_and_few_are_warned_of() -> None:
    index = pl.int_range(pl.len())

    def without(count: int) -> FeatureTable:
        gaps = pl.when(index < count).then(float("nan")).otherwise("f0").alias("f0")
        return FeatureTable.from_frame(table().frame.with_columns(gaps), source="a test", higher=["f*"])

    with pytest.raises(EarwitnessError, match=r"Feature f0 is missing for 25% of the suspect and 0% of the held-out"):
        verdict(without(15))
    assert any("may tilt the comparison" in warning for warning in verdict(without(4)).warnings)


def test_values_missing_in_many_columns_on_one_side_are_refused_together() -> None:
    """The lowest sixth of every feature is missing on one side: each column might be chance, all together are not."""
    frame, suspect = table().frame, pl.col("role") == "suspect"
    gaps = [
        pl.when(suspect & (pl.col(f"f{j}") < pl.col(f"f{j}").filter(suspect).quantile(0.12)))
        .then(float("nan"))
        .otherwise(f"f{j}")
        .alias(f"f{j}")
        for j in range(3)
    ]
    with pytest.raises(EarwitnessError, match="0% of the held-out tracks' features"):
        verdict(FeatureTable.from_frame(frame.with_columns(gaps), source="a test", higher=["f*"]))


def test_values_missing_alike_on_both_sides_are_not_refused() -> None:
    """At random, in one value of eight: a false refusal would be the check's own fault."""
    frame = table().frame
    for seed in range(20):
        missing = np.random.default_rng(seed).random((frame.height, 3)) < 0.125
        gaps = [pl.Series(f"f{j}", np.where(missing[:, j], np.nan, frame[f"f{j}"].to_numpy())) for j in range(3)]
        given = FeatureTable.from_frame(frame.with_columns(gaps), source="a test", higher=["f*"])
        assert dataset_inference(given, permutations=99, a_a_runs=0, effect_runs=0, alpha=0.05).p_value is not None


def test_the_share_used_knows_which_tracks_belong_together() -> None:
    """One album of used tracks is one piece of evidence: the bound, blind to albums, would be far above the truth."""
    rng = np.random.default_rng(4)
    # Suspects: an album of 60, used, and 20 unused singles; held out: 80 singles.
    groups = np.concatenate([np.zeros(60, dtype=int), np.arange(1, 21), np.arange(21, 101)])
    suspect = np.arange(160) < 80
    effect = np.where(groups == 0, 4.0, np.where(suspect, 1.2, 0.0))
    values = rng.normal(size=(160, 3)) + effect[:, None]
    frame = pl.DataFrame(
        {
            "track_id": [f"t{i:03d}" for i in range(160)],
            "role": np.where(suspect, "suspect", "held_out"),
            "group": [f"g{group}" for group in groups],
            **{f"f{j}": values[:, j] for j in range(3)},
            **{f"blind/b{j}": rng.normal(size=160) for j in range(6)},
        }
    )
    result = verdict(FeatureTable.from_frame(frame, source="a test", higher=["f*"]))
    assert result.verdict == "evidence_of_use"
    assert result.fraction is not None
    scores = ((values - values.mean(axis=0)) / values.std(axis=0)).mean(axis=1)
    as_singles = used_fraction(scores[suspect], scores[~suspect], seed=0)
    in_groups = used_fraction(
        scores[suspect], scores[~suspect], suspect_groups=groups[suspect], held_out_groups=groups[~suspect], seed=0
    )
    assert result.fraction.lower == pytest.approx(in_groups.lower, abs=0.02)
    assert in_groups.lower < as_singles.lower - 0.05


def test_a_positive_verdict_says_what_an_unmeasured_difference_would_have_to_do() -> None:
    result = verdict(table(member=1.5, shift=0.5, dependence=0.3))
    assert result.verdict == "evidence_of_use"
    assert result.tipping is not None
    assert result.blind is not None
    assert result.tipping.ratio == pytest.approx(result.blind.effect_ratio)
    # The two features that were shifted explain most, and membership is several times as strong.
    assert {one.name for one in result.tipping.strongest[:2]} == {"b0", "b1"}
    multiple = result.tipping.strongest[0].multiple
    assert multiple is not None
    assert multiple > 2
    assert multiple == pytest.approx(result.tipping.needed / result.tipping.strongest[0].explained)
    assert f"{multiple:.1f} times as much of it as the strongest measured one" in _said(result)
    assert any(f"{multiple:.1f} times as much" in reason for reason in result.reasons)


def test_no_tipping_point_where_nothing_was_found_or_nothing_measured() -> None:
    assert verdict(table()).tipping is None
    assert verdict(_bare(2.5), comparable="drawn by lot").tipping is None


def test_what_is_within_chance_already_needs_no_unmeasured_difference() -> None:
    nothing = Tipping(plain=0.5, adjusted=0.1, ratio=0.2, needed=0.0, strongest=[])
    assert wording.tipping_point(nothing).endswith("however weak; 20\xa0% of the difference is left beside them.")


@pytest.mark.parametrize("statement", ["", "   ", "yes"])
def test_a_statement_that_states_nothing_is_refused(statement: str) -> None:
    with pytest.raises(EarwitnessError, match="say why in a few words"):
        verdict(_bare(2.5), comparable=statement)


def test_nothing_found_between_sets_that_differ_is_no_clean_bill() -> None:
    """Six blind columns two standard deviations apart: any use would have been taken out with them."""
    frame = table(member=0.5).frame
    suspect = (frame["role"] == "suspect").cast(pl.Float64)
    apart = frame.with_columns([(pl.col(f"blind/b{j}") + 2 * suspect).alias(f"blind/b{j}") for j in range(6)])
    result = verdict(FeatureTable.from_frame(apart, source="a test", higher=["f*"]))
    assert result.verdict == "no_evidence"
    assert "differ without the model" in wording.headline(result)
    assert any("that nothing was found says little" in reason for reason in result.reasons)


def test_no_tipping_point_of_pairs() -> None:
    """It follows the adjusted test of sets, which is not the statistic that gave the p-value of pairs."""
    result = verdict(FeatureTable.from_frame(_pairs(member=0.8), source="a test", higher=["f*"]))
    assert result.verdict == "evidence_of_use"
    assert result.tipping is None
    assert not any("however weak" in reason for reason in result.reasons)


def test_blind_columns_of_a_table_from_elsewhere_are_its_own_word() -> None:
    """Five columns of noise that are called blind pass the gate: nothing here can know, and the reader is told."""
    noise = table(member=1.5)
    result = verdict(noise)
    assert result.verdict == "evidence_of_use"
    assert any("the table's own blind columns (6)" in reason for reason in result.reasons)
    assert "own blind columns (6)" in _said(result)
    measured = verdict(replace(noise, plan_hash="00"))
    assert not any("own blind columns" in reason for reason in measured.reasons)
