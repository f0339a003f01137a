from dataclasses import replace

import polars as pl
import pytest
from synthetic import known_table

from earwitness.stats.binomial import clopper_pearson
from earwitness_bench.collections import minimum_tracks, p_against_tracks, point
from earwitness_bench.methods import METHODS, Scores
from earwitness_bench.scale import QUICK

SCALE = replace(QUICK, sizes=(5, 10, 20), draws=6, null_draws=8, permutations=199)


def quiet(done: int, total: int) -> None:
    pass


@pytest.fixture(scope="module")
def points() -> pl.DataFrame:
    scores = Scores.of(known_table(tracks=24, effects={"loss": -2.5, "min_k/k=0.1": 2.5}))
    return p_against_tracks(scores, SCALE, on_progress=quiet)


def test_every_method_has_every_size(points: pl.DataFrame) -> None:
    assert points["size"].to_list() == [size for size in (5, 10, 20) for _ in METHODS]
    assert set(points["method"]) == set(METHODS)


def test_members_are_found_and_strangers_are_not(points: pl.DataFrame) -> None:
    exact = points.filter((pl.col("method") == "exact") & (pl.col("size") == 10)).row(0, named=True)
    assert exact["found"] == 1.0
    assert (exact["found_low"], exact["found_high"]) == clopper_pearson(6, 6)
    assert exact["false_alarms"] == 0.0
    assert exact["mean_p"] <= 0.01


def test_no_level_is_given_where_the_non_members_cannot_be_drawn_twice(points: pl.DataFrame) -> None:
    assert points.filter(pl.col("size") == 20)["false_alarms"].null_count() == len(METHODS)
    assert points.filter(pl.col("size") == 10)["false_alarms"].null_count() == 0


def test_all_methods_see_the_same_draws_and_a_point_repeats() -> None:
    scores = Scores.of(known_table(tracks=24, effects={"loss": 0.0}))
    again = [point("iar", scores, 10, 5, 5, 99, 7) for _ in range(2)]
    assert again[0] == again[1]


def test_the_minimum_is_the_smallest_size_that_holds_for_good() -> None:
    null = {"false_alarms_low": 0.0, "false_alarms_high": 0.1, "null_draws": 50}
    rows = [
        {"method": "cdi", "size": 8, "mean_p": 0.009, "found": 0.9, "false_alarms": 0.02, **null},
        {"method": "cdi", "size": 16, "mean_p": 0.02, "found": 0.7, "false_alarms": 0.08, **null},
        {"method": "cdi", "size": 30, "mean_p": 0.01, "found": 0.8, "false_alarms": 0.04, **null},
        {"method": "cdi", "size": 60, "mean_p": 0.001, "found": 1.0, "false_alarms": None, **null},
        {"method": "exact", "size": 8, "mean_p": 0.5, "found": 0.0, "false_alarms": 0.01, **null},
    ]
    found = {row["method"]: row for row in minimum_tracks(pl.DataFrame(rows)).iter_rows(named=True)}
    assert (found["cdi"]["by_mean_p"], found["cdi"]["by_power"]) == (30, 30)
    assert (found["cdi"]["worst_false_alarms"], found["cdi"]["worst_size"]) == (0.08, 16)
    assert (found["exact"]["by_mean_p"], found["exact"]["by_power"]) == (None, None)
