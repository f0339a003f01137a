"""Keyed twins: an exact level whatever the works are like, and power where the published copy is known."""

import numpy as np
import polars as pl
import pytest
from scipy.stats import binom

from earwitness.errors import EarwitnessError
from earwitness.features import FeatureTable
from earwitness.twins.verdict import standardised_within, twins_test


def table(seed: int, *, works: int = 12, copies: int = 4, known: float = 0.0, dependent: bool = False) -> FeatureTable:
    """Works of very unlike difficulty; ``known`` sd of a copy's own spread is added to published copies."""
    rng = np.random.default_rng(seed)
    work = np.repeat(np.arange(works), copies)
    published = np.arange(works) * copies + rng.integers(0, copies, works)
    of_work = 30 * rng.standard_cauchy((works, 3))
    # Whatever else the model does to copies, such as prefer the loudest mark of every work, is no membership.
    own = rng.standard_t(2, size=(works * copies, 3)) * (1 + 5 * (work % 3 == 0))[:, None]
    if dependent:
        own += 3 * (np.arange(works * copies) % copies == 1)[:, None]
    suspect = np.isin(np.arange(works * copies), published)
    values = of_work[work] + own + known * suspect[:, None]
    return FeatureTable.from_frame(
        pl.DataFrame(
            {
                "track_id": [f"t{i:04d}" for i in range(len(work))],
                "role": np.where(suspect, "suspect", "held_out"),
                "group": [f"w{w}" for w in work],
                "pair": [f"w{w}" for w in work],
                **{f"f{j}": values[:, j] for j in range(3)},
            }
        ),
        higher=["f*"],
    )


@pytest.mark.parametrize("dependent", [False, True])
def test_null_level(dependent: bool) -> None:
    runs = 400
    fired = {0.05: 0, 0.2: 0}
    for run in range(runs):
        p = twins_test(table(run, dependent=dependent), alpha=0.05, permutations=99, seed=run).p_value
        assert p is not None
        for alpha in fired:
            fired[alpha] += p <= alpha
    for alpha, count in fired.items():
        assert binom.ppf(0.0005, runs, alpha) <= count <= binom.ppf(0.9995, runs, alpha)


def test_a_model_that_knows_the_published_copies_is_found_without_any_held_out_set() -> None:
    result = twins_test(table(1, works=30, known=2.0), permutations=999, seal_sha256="abc")
    assert result.verdict == "evidence_of_use"
    assert result.p_value is not None
    assert result.p_value <= 0.01
    assert result.mean_place is not None
    assert result.mean_place > 0.6
    assert (len(result.works), result.works[0].twins, result.seal_sha256) == (30, 3, "abc")
    assert "prefers the published copies" in result.reasons[0]
    away = twins_test(table(1, works=30, known=-2.0), permutations=999)
    assert away.verdict == "no_evidence"


def test_the_floor_is_one_over_the_number_of_draws() -> None:
    few = twins_test(table(0, works=3), alpha=0.01)
    assert (few.verdict, few.p_value, few.p_value_floor) == ("cannot_be_tested", None, 1 / 64)
    assert "3 works" in few.reasons[0]
    # Four works of which one has five copies: 4³·5 draws, each equally likely.
    enough = twins_test(table(0, works=4), alpha=0.01)
    assert enough.p_value_floor == 1 / 256


def test_hand_computed_place_and_scale() -> None:
    values = np.array([[1.0], [3.0], [np.nan], [7.0], [7.0]])
    found = standardised_within(values, np.array([0, 0, 0, 1, 1]))
    np.testing.assert_allclose(found, [[-1.0], [1.0], [np.nan], [0.0], [0.0]])


def test_works_that_cannot_count_are_left_out_and_said() -> None:
    whole = table(2, works=14, known=1.0)
    suspect = pl.col("role") == "suspect"
    lost = FeatureTable.from_frame(whole.frame.filter(~(suspect & (pl.col("pair") == "w3"))), higher=["f*"])
    result = twins_test(lost, permutations=99, alpha=0.05)
    assert len(result.works) == 13
    assert any("1 works lack" in warning for warning in result.warnings)
    twice = whole.frame.with_columns(role=pl.when(pl.col("pair") == "w3").then(pl.lit("suspect")).otherwise("role"))
    with pytest.raises(EarwitnessError, match="'w3' has more than one published copy"):
        twins_test(FeatureTable.from_frame(twice, higher=["f*"]))
    with pytest.raises(EarwitnessError, match="no works"):
        twins_test(FeatureTable.from_frame(whole.frame.drop("pair"), higher=["f*"]))
    with pytest.raises(EarwitnessError, match="known direction"):
        twins_test(FeatureTable.from_frame(whole.frame))
