import itertools

import numpy as np
import pytest
from scipy.stats import binom, norm, rankdata

from earwitness.stats.exact import ExactSettings, exact_test
from earwitness.stats.projection import MAX_DF_SHARE
from earwitness.stats.residualised import residualised_test
from earwitness.stats.scorers import Equal
from earwitness.stats.sides import Sides
from tests.stats.worlds import audit

QUICK = ExactSettings(permutations=199)


def rejections(runs: int, **world: float) -> int:
    hits = 0
    for run in range(runs):
        one = audit(run, **world)  # type: ignore[arg-type]
        test = residualised_test(one.values, one.blind, Sides(one.is_suspect, one.groups), settings=QUICK, seed=run)
        hits += test.p_value <= 0.05
    return hits


@pytest.mark.parametrize("world", [{"tracks": 40, "shift": 0.7}, {"tracks": 120, "shift": 0.7, "album": 4}])
def test_holds_its_level_under_a_shift_without_membership(world: dict[str, float]) -> None:
    runs = 100
    assert rejections(runs, **world) <= binom.ppf(0.999, runs, 0.06)  # nominal .05, stated tolerance .01


def test_the_plain_test_does_not() -> None:
    fired = 0
    for run in range(20):
        one = audit(run, tracks=40, shift=0.7)
        fired += exact_test(one.values, Sides(one.is_suspect, one.groups), settings=QUICK, seed=run).p_value <= 0.05
    assert fired >= 18


def test_sees_membership_on_top_of_a_shift() -> None:
    assert rejections(30, tracks=60, shift=0.7, member=0.7) >= 27


def test_equals_a_plain_regression_t_in_the_simplest_case() -> None:
    # One feature: permuted residuals approximate the one-sided p of the label's regression coefficient.
    rng = np.random.default_rng(1)
    n = 120
    blind = rng.normal(size=(n, 1))
    suspect = blind[:, 0] + rng.normal(size=n) > 0
    values = blind + 0.25 * suspect[:, None] + rng.normal(size=(n, 1))
    settings = ExactSettings(permutations=4999, scorers=(Equal(),))
    test = residualised_test(values, blind, Sides(suspect, np.arange(n)), settings=settings)
    scores, line = (norm.ppf((rankdata(x[:, 0]) - 0.5) / n) for x in (values, blind))
    design = np.column_stack([np.ones(n), line, line**2, suspect])
    inverse = np.linalg.inv(design.T @ design)
    slopes = inverse @ design.T @ scores
    residual = scores - design @ slopes
    t = slopes[3] / np.sqrt(inverse[3, 3] * (residual @ residual) / (n - 4))
    assert test.p_value == pytest.approx(norm.sf(t), abs=0.015)
    assert 0.005 < test.p_value < 0.2


def test_a_constant_contrast_is_permuted_as_counted_by_hand() -> None:
    # A blind feature orthogonal to label and values leaves the ordinary two-sample permutation test.
    values = np.array([[5.0], [7.0], [8.0], [1.0], [2.0], [4.0], [3.0], [6.0]])
    suspect = np.array([True] * 4 + [False] * 4)
    blind = np.array([[1.0], [-1.0], [1.0], [-1.0], [1.0], [-1.0], [1.0], [-1.0]])
    scores = norm.ppf((rankdata(values[:, 0]) - 0.5) / 8)
    pairs = blind[:, 0]
    contrast = suspect - 0.5
    left = scores - pairs * (pairs @ scores) / 8
    sums = np.array(
        [left[list(chosen)].sum() - left[[i for i in range(8) if i not in chosen]].sum()
         for chosen in itertools.combinations(range(8), 4)]
    )  # fmt: skip
    leverage = 1 / 8  # of the one blind column, everywhere
    expected = (sums / np.sqrt(1 - leverage) >= 2 * contrast @ left - 1e-9).mean()
    settings = ExactSettings(permutations=20_000, scorers=(Equal(),))
    test = residualised_test(values, blind, Sides(suspect, np.arange(8)), settings=settings)
    assert test.complete
    assert test.contrast_left == pytest.approx(1.0)
    assert test.p_value == pytest.approx(expected, abs=0.015)


def test_nothing_is_claimed_where_blind_features_are_the_label() -> None:
    one = audit(0, tracks=30)
    test = residualised_test(one.values, one.is_suspect[:, None].astype(float), Sides(one.is_suspect, one.groups))
    assert np.isnan(test.p_value)
    assert test.contrast_left == pytest.approx(0, abs=1e-9)


def test_more_blind_features_than_groups_are_shrunk_and_said_so() -> None:
    rng = np.random.default_rng(0)
    one = audit(0, tracks=12)
    wide = rng.normal(size=(24, 50))
    test = residualised_test(one.values, wide, Sides(one.is_suspect, one.groups), settings=QUICK)
    assert not test.complete
    assert test.degrees_of_freedom == pytest.approx(24 * MAX_DF_SHARE)


def test_increasing_transformations_change_nothing() -> None:
    one = audit(3, tracks=30, shift=0.5, member=0.3)
    plain = residualised_test(one.values, one.blind, Sides(one.is_suspect, one.groups), settings=QUICK, seed=1)
    bent = residualised_test(
        np.exp(one.values), 3 * one.blind**3 - 7, Sides(one.is_suspect, one.groups), settings=QUICK, seed=1
    )
    assert bent == plain


def test_missing_values_are_neutral_and_empty_features_dropped() -> None:
    one = audit(4, tracks=30, member=1.0)
    plain = residualised_test(one.values, one.blind, Sides(one.is_suspect, one.groups), settings=QUICK)
    padded = np.column_stack([one.values, np.full(60, np.nan), np.ones(60)])
    assert residualised_test(padded, one.blind, Sides(one.is_suspect, one.groups), settings=QUICK) == plain
    with pytest.raises(ValueError, match="constant or mostly missing"):
        residualised_test(padded[:, -2:], one.blind, Sides(one.is_suspect, one.groups))


def test_sides_and_groups_must_agree() -> None:
    one = audit(0, tracks=10)
    with pytest.raises(ValueError, match="more than one side"):
        residualised_test(one.values, one.blind, Sides(one.is_suspect, np.zeros(20)))
    with pytest.raises(ValueError, match="both sides"):
        residualised_test(one.values, one.blind, Sides(np.ones(20, dtype=bool), one.groups))
    with pytest.raises(ValueError, match="no blind feature varies"):
        residualised_test(one.values, np.ones((20, 2)), Sides(one.is_suspect, one.groups))


def test_what_nobody_measured_can_be_granted_a_share() -> None:
    # A label effect of 1 sd before and .6 after balancing: 1 times the explained leaves .2, 2 times leaves -.2.
    one = audit(6, tracks=150, shift=0.5, member=0.6)
    p_values = [
        residualised_test(
            one.values, one.blind, Sides(one.is_suspect, one.groups), settings=QUICK, unmeasured=unmeasured
        ).p_value
        for unmeasured in (0.0, 1.0, 4.0)
    ]
    assert p_values == sorted(p_values)
    assert (p_values[0], p_values[2] > 0.5) == (0.005, True)


def test_half_of_a_shift_seen_is_enough_to_hold_the_level() -> None:
    # The blind features are noisy copies that catch half of what moves the features: κ = 1 leaves nothing.
    rng = np.random.default_rng(2)
    fired = np.zeros(2)
    for run in range(60):
        suspect = np.arange(160) < 80
        cause = rng.standard_normal(160) + suspect
        blind = np.sqrt(0.5) * (cause[:, None] + rng.standard_normal((160, 1)))
        values = np.sqrt(0.2) * cause[:, None] + np.sqrt(0.8) * rng.standard_normal((160, 6))
        for index, unmeasured in enumerate((0.0, 1.0)):
            test = residualised_test(
                values, blind, Sides(suspect, np.arange(160)), settings=QUICK, seed=run, unmeasured=unmeasured
            )
            fired[index] += test.p_value <= 0.05
    assert fired[0] > 30
    assert fired[1] <= binom.ppf(0.999, 60, 0.05)
