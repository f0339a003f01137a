from dataclasses import replace

from earwitness.report.context import ReportContext
from earwitness.report.tables import (
    feature_lines,
    features_by_weight,
    flattened,
    set_table,
    settings_table,
    track_table,
)
from earwitness.spec import Direction
from earwitness.verdict.result import FeatureResult
from tests.report.samples import bare_result, full_context, full_result


def with_weights(*weights: float | None) -> list[FeatureResult]:
    return [
        FeatureResult(name=f"f{i}", member_is=Direction.HIGHER, auc=0.5 + i / 100, weight=weight)
        for i, weight in enumerate(weights)
    ]


def test_features_are_sorted_by_weight_then_auc_and_the_unweighted_come_last() -> None:
    result = bare_result("no_evidence").model_copy(update={"features": with_weights(0.1, None, 0.4, 0.1)})
    assert [feature.name for feature in features_by_weight(result)] == ["f2", "f3", "f0", "f1"]
    assert [(line.name, line.weight, line.bar) for line in feature_lines(result)] == [
        ("f2", "0.400", 100.0),
        ("f3", "0.100", 25.0),
        ("f0", "0.100", 25.0),
        ("f1", "—", 0.0),
    ]


def test_no_weight_at_all_gives_empty_bars() -> None:
    result = bare_result("no_evidence").model_copy(update={"features": with_weights(0.0, None)})
    assert [line.bar for line in feature_lines(result)] == [0.0, 0.0]


def test_sets_show_counts_minutes_and_how_groups_were_found() -> None:
    suspect = set_table(full_result(), full_context()).rows[0]
    assert suspect[:3] == ("Suspect", "80", "16")
    assert suspect[4:] == ("1", "by folder (8 tracks), by album tag (72 tracks)")
    assert set_table(bare_result("no_evidence"), ReportContext()).rows[1] == ("Held-out", "4", "4", "—", "0", "—")


def test_tracks_are_listed_by_score_only_under_a_positive_verdict_on_sets_that_are_alike() -> None:
    positive = track_table(full_result(), full_context())
    assert len(positive.rows) == 160
    assert positive.columns[-2:] == ("Score", "p")
    scores = [float(row[7].replace("−", "-")) for row in positive.rows[:80]]
    assert scores == sorted(scores, reverse=True)
    assert {row[0] for row in positive.rows[:80]} == {"Suspect"}
    for verdict in ("no_evidence", "inconclusive", "cannot_be_tested"):
        negative = track_table(full_result(verdict=verdict), full_context())
        assert negative.columns[-1] == "Content hash"
        assert {len(row) for row in negative.rows} == {7}
    # Sets that were not shown to be alike without the model: a list by score would accuse tracks never used.
    for blind in (None, replace(full_result().blind, informative=4)):
        stated = track_table(full_result().model_copy(update={"blind": blind}), full_context())
        assert stated.columns[-1] == "Content hash"
        assert [row[1] for row in stated.rows] == [track.title for track in full_context().tracks]


def test_tracks_of_a_result_alone_are_named_by_their_id() -> None:
    row = track_table(full_result(tracks=8), ReportContext()).rows[0]
    assert row[1][0] == "s"
    assert row[2:4] == ("—", "—")


def test_of_very_many_tracks_a_sample_is_listed_and_said_to_be_one() -> None:
    result = full_result(tracks=3000)
    listed = track_table(result, ReportContext())
    assert [sum(row[0] == name for row in listed.rows) for name in ("Suspect", "Held-out")] == [2000, 2000]
    assert "4,000 of the 6,000 tracks are listed" in listed.note
    highest = sorted((t for t in result.tracks if t.role == "suspect"), key=lambda t: -t.score)[:2000]
    assert [row[1] for row in listed.rows[:2000]] == [track.track_id for track in highest]
    negative = track_table(full_result(tracks=3000, verdict="no_evidence"), ReportContext())
    suspects = [t.track_id for t in result.tracks if t.role == "suspect"]
    assert [row[1] for row in negative.rows[:3]] == [suspects[0], suspects[1], suspects[3]]
    assert track_table(full_result(), full_context()).note == ""


def test_settings_are_flattened_with_dots() -> None:
    assert flattened({"windows": {"seconds": 8.0, "per_track": 3}, "signals": ["loss", "zlib"], "test": None}) == [
        ("windows.seconds", "8.0"),
        ("windows.per_track", "3"),
        ("signals", "loss, zlib"),
        ("test", "—"),
    ]
    rows = {row[0]: row[1] for row in settings_table(full_result(), full_context()).rows}
    assert rows["permutations"] == "9,999"
    assert rows["target.dtype"] == "float32"
    assert rows["p-value of scorer ridge"] == "0.0002"
