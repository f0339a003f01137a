import math

import numpy as np

from earwitness.report.charts import COLOURS, family_figure, score_figure, uniformity_figure
from earwitness.report.growth_charts import wealth_figure
from earwitness.spec import Direction
from earwitness.stats.aa import AAControl
from earwitness.verdict.result import FeatureResult, TrackResult
from tests.report.samples import full_result


def tracks(suspect: list[float], held_out: list[float]) -> list[TrackResult]:
    return [
        TrackResult(track_id=f"{role}{i}", role=role, group="g", score=score)
        for role, scores in (("suspect", suspect), ("held_out", held_out))
        for i, score in enumerate(scores)
    ]


def test_the_table_behind_the_scores_holds_their_quartiles() -> None:
    figure = score_figure(tracks([0, 1, 2, 3, 4], [-2, -1, 0, 1, 12]))
    assert figure is not None
    assert figure.rows[0] == ("Suspect", "5", "0.00", "1.00", "2.00", "3.00", "4.00", "2.00")
    assert figure.rows[1] == ("Held-out", "5", "−2.00", "−1.00", "0.00", "1.00", "12.00", "2.00")


def test_few_tracks_are_dots_without_an_outline() -> None:
    eight = list(np.linspace(-1, 1, 8))
    few, many = score_figure(tracks(eight, eight)), score_figure(full_result().tracks)
    assert few is not None
    assert many is not None
    assert "density" not in few.svg
    assert ">density<" in many.svg
    assert few.svg.count(f'fill="{COLOURS["suspect"]}"') == 8
    assert few.svg.count(f'fill="{COLOURS["held_out"]}"') == 8


def test_thousands_of_tracks_become_one_dot_a_percentile() -> None:
    figure = score_figure(full_result(tracks=2000).tracks)
    assert figure is not None
    assert figure.dots_are_percentiles
    assert figure.rows[0][1] == "2000"
    assert len(figure.svg) < 80_000


def test_equal_scores_draw_without_an_outline() -> None:
    figure = score_figure(tracks([1.0] * 30, [1.0] * 30))
    assert figure is not None
    assert "density" not in figure.svg


def test_scores_of_one_set_alone_are_not_drawn() -> None:
    assert score_figure(tracks([1.0, 2.0], [math.nan])) is None
    assert score_figure([]) is None


def test_control_p_values_on_an_edge_count_in_the_bar_below() -> None:
    figure = uniformity_figure(
        AAControl(runs=5, alpha=0.01, rejection_rate=0, low=0, high=0.5, p_values=(0.002, 0.1, 0.3, 0.31, 1.0))
    )
    assert figure is not None
    assert [int(row[2]) for row in figure.rows] == [2, 0, 1, 1, 0, 0, 0, 0, 0, 1]
    assert {row[3] for row in figure.rows} == {"0.5"}


def test_a_control_without_p_values_is_not_drawn() -> None:
    assert uniformity_figure(AAControl(runs=200, alpha=0.01, rejection_rate=0, low=0, high=0.02)) is None


def feature(name: str, auc: float | None, *, member_is: Direction = Direction.HIGHER) -> FeatureResult:
    return FeatureResult(name=name, member_is=member_is, auc=auc, weight=0.1)


def test_families_are_laid_out_by_codebook_in_numeric_order() -> None:
    names = [f"loss/codebook={k}" for k in ("all", "10", "2")]
    figure = family_figure([feature(name, 0.6) for name in names])
    assert figure is not None
    places = [figure.svg.index(f">{label}<") for label in ("codebook 2", "codebook 10", "all codebooks")]
    assert places == sorted(places)


def test_features_without_direction_or_auc_are_left_out_of_the_chart() -> None:
    shown = feature("secmi", 0.61)
    hidden = [feature("renyi", 0.7, member_is=Direction.UNKNOWN), feature("pia", None), feature("pian", math.nan)]
    figure = family_figure([shown, *hidden])
    assert figure is not None
    assert figure.rows == (("secmi", "", "", "0.610"),)
    assert family_figure(hidden) is None


def test_the_wealth_of_very_many_pairs_is_drawn_at_a_thousand_of_them_and_at_its_largest() -> None:
    path = np.geomspace(1, 10, 50_000)
    path[31_415] = 400.0
    figure = wealth_figure(full_result().model_copy(update={"wealth": path.tolist()}))
    assert figure is not None
    assert len(figure.svg) < 100_000
    assert "at its largest it is 400" in figure.svg
    few = wealth_figure(full_result().model_copy(update={"wealth": path[:50].tolist()}))
    assert few is not None
    assert few.svg.count("stroke-dasharray") == 1
