import numpy as np
import polars as pl
import pytest
from synthetic import known_table

from earwitness_bench.ranking import exact_p_values, ranked

EFFECTS = {"loss": -0.9, "hinge": 0.0, "zlib": 0.0, "min_k/k=0.1": 0.7}


def quiet(done: int, total: int) -> None:
    pass


@pytest.fixture(scope="module")
def table() -> pl.DataFrame:
    tables = [known_table(tracks=60, effects=EFFECTS, seed=seed) for seed in (1, 2)]
    named = {"default": {"loss", "hinge"}, "empty": {"pia"}}
    return ranked(tables, named, sizes=(12, 14), draws=15, seed=0, on_progress=quiet)


def test_the_informative_signals_grow_and_the_others_do_not(table: pl.DataFrame) -> None:
    grown = table.filter(pl.col("set") == "grown").row(0, named=True)
    assert grown["signals"] == "loss + min_k"
    assert grown["draws"] == 30


def test_sets_are_ordered_by_their_mean_log_p(table: pl.DataFrame) -> None:
    assert table["mean_log10_p"].is_sorted()
    p = dict(zip(table["set"], table["mean_log10_p"], strict=True))
    assert p["grown"] < p["loss alone"] < p["hinge alone"]
    assert {"min_k alone", "zlib alone", "grown without loss", "default"} <= set(p)


def test_a_set_without_a_feature_finds_nothing(table: pl.DataFrame) -> None:
    empty = table.filter(pl.col("set") == "empty").row(0, named=True)
    assert (empty["power"], empty["median_p"]) == (0.0, 1.0)


def test_sets_see_the_same_draws() -> None:
    table = known_table(tracks=40, effects={"loss": 0.0})
    assert np.array_equal(exact_p_values(table, 8, 4, 0), exact_p_values(table, 8, 4, 0))
    assert not np.array_equal(exact_p_values(table, 8, 4, 0), exact_p_values(table, 8, 4, 1))
