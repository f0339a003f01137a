import numpy as np
import pytest
from synthetic import known_table

from earwitness.stats.published import iar_test
from earwitness.verdict.inference import dataset_inference
from earwitness_bench.methods import METHODS, Scores, p_value

TABLE = known_table(tracks=30, effects={"loss": -1.5, "min_k/k=0.1": 1.5, "odd": 1.5})
SUSPECTS, HELD_OUT = np.arange(30), np.arange(30, 60)


@pytest.mark.parametrize("method", METHODS)
def test_a_strong_effect_is_found_by_every_method(method: str) -> None:
    assert p_value(method, Scores.of(TABLE), SUSPECTS, HELD_OUT, permutations=999, seed=0) <= 0.001


def test_features_are_turned_towards_membership_and_unknown_ones_kept_apart() -> None:
    scores = Scores.of(TABLE)
    assert scores.directed.shape == (60, 2)
    assert scores.every.shape == (60, 3)
    assert np.array_equal(scores.directed[:, 0], -TABLE.frame["loss"].to_numpy())


def test_the_rows_are_the_ones_asked_for() -> None:
    scores = Scores.of(TABLE)
    rows = np.r_[0:10, 35:45]
    expected = iar_test(scores.directed[rows], np.arange(20) < 10)
    assert p_value("iar", scores, rows[:10], rows[10:], permutations=99, seed=0) == expected


def test_exact_is_the_verdicts_own_test() -> None:
    verdict = dataset_inference(TABLE, permutations=499, seed=3, a_a_runs=0, effect_runs=0)
    assert p_value("exact", Scores.of(TABLE), SUSPECTS, HELD_OUT, permutations=499, seed=3) == verdict.p_value


def test_where_a_method_has_no_answer_its_p_is_missing() -> None:
    scores = Scores.of(TABLE)
    p = {m: p_value(m, scores, SUSPECTS[:4], HELD_OUT[:4], permutations=99, seed=0) for m in METHODS}
    assert np.isnan(p["cdi"])
    assert not np.isnan([p["exact"], p["iar"], p["llm-di"]]).any()
