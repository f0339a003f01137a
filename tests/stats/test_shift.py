import numpy as np
import pytest
from scipy.stats import binom

from earwitness.stats.comparison import RESERVE
from earwitness.stats.exact import ExactSettings, exact_test
from earwitness.stats.grouping import normal_scores
from earwitness.stats.residualised import residualised_test
from earwitness.stats.shift import adjusted_p_value, difference_in_differences, stratified_test
from tests.stats.worlds import audit

QUICK = ExactSettings(permutations=199)


def test_stratified_holds_its_level_under_a_shift_without_membership() -> None:
    runs, hits = 80, 0
    for run in range(runs):
        one = audit(run, tracks=60, shift=0.4)
        test = stratified_test(one.values, one.blind, one.is_suspect, one.groups, settings=QUICK, seed=run)
        hits += test.p_value <= 0.05
    assert hits <= binom.ppf(0.999, runs, 0.08)  # what is left inside a stratum is not adjusted for


def test_stratified_sees_membership_on_top_of_a_shift() -> None:
    found = []
    for run in range(20):
        one = audit(run, tracks=60, shift=0.4, member=0.8)
        found.append(stratified_test(one.values, one.blind, one.is_suspect, one.groups, settings=QUICK, seed=run))
    assert sum(test.p_value <= 0.05 for test in found) >= 17


def test_strata_without_overlap_are_dropped_and_counted() -> None:
    # Suspects have three values of the one blind feature, held-out tracks three; one is shared.
    blind = np.repeat([0.0, 1.0, 2.0, 3.0, 4.0], [16, 16, 32, 16, 16])[:, None]
    suspect = np.r_[np.ones(32, bool), np.arange(32) % 2 == 0, np.zeros(32, bool)]
    values = np.random.default_rng(0).normal(size=(96, 2))
    test = stratified_test(values, blind, suspect, np.arange(96), settings=QUICK)
    assert test.n_tracks_used == 32
    assert "32 of 96 tracks" in test.detail
    shared = slice(32, 64)
    alone = exact_test(values[shared], suspect[shared], np.arange(32), settings=QUICK)
    assert test.p_value == alone.p_value


def test_no_overlap_gives_no_p_value() -> None:
    one = audit(0, tracks=32)
    test = stratified_test(one.values, one.is_suspect[:, None].astype(float), one.is_suspect, one.groups)
    assert np.isnan(test.p_value)
    assert test.n_tracks_used == 0


def test_difference_in_differences_cancels_a_shift_of_any_form() -> None:
    runs, hits = 80, 0
    for run in range(runs):
        one = audit(run, tracks=30, shift=1.5)
        test = difference_in_differences(one.values, one.reference, one.is_suspect, one.groups, settings=QUICK)
        hits += test.p_value <= 0.05
    assert hits <= binom.ppf(0.999, runs, 0.05)


def test_difference_in_differences_sees_membership_on_top_of_a_shift() -> None:
    hits = 0
    for run in range(20):
        one = audit(run, tracks=40, shift=1.5, member=0.8)
        test = difference_in_differences(one.values, one.reference, one.is_suspect, one.groups, settings=QUICK)
        hits += test.p_value <= 0.05
    assert hits >= 18


def test_difference_in_differences_keeps_missing_missing() -> None:
    one = audit(0, tracks=20)
    reference = one.reference.copy()
    reference[:5, 0] = np.nan
    test = difference_in_differences(one.values, reference, one.is_suspect, one.groups, settings=QUICK)
    assert test.missing.tolist() == [5] + [0] * 7


def test_difference_in_differences_needs_matching_tables() -> None:
    one = audit(0, tracks=20)
    with pytest.raises(ValueError, match="match them"):
        difference_in_differences(one.values, one.reference[:, 1:], one.is_suspect, one.groups)


def test_the_default_is_the_residualised_test_with_a_reserve() -> None:
    one = audit(5, tracks=40, shift=0.5)
    found = adjusted_p_value(
        one.values, one.blind, one.is_suspect, one.groups, weights=np.ones(8), settings=QUICK, seed=3
    )
    test = residualised_test(
        one.values, one.blind, one.is_suspect, one.groups, settings=QUICK, seed=3, unmeasured=RESERVE
    )
    assert (found.p_value, found.method, found.n_tracks_used) == (test.p_value, "residualised", 80)
    assert "balanced fully" in found.detail


def test_the_effect_ratio_is_what_a_regression_leaves() -> None:
    # One feature, one blind feature in two values: its mean difference before, and within the two values, after.
    rng = np.random.default_rng(1)
    suspect = np.arange(200) < 100
    blind = (rng.random(200) < np.where(suspect, 0.7, 0.3)).astype(float)
    values = (blind + 0.5 * suspect + 0.5 * rng.standard_normal(200))[:, None]
    found = adjusted_p_value(
        values, blind[:, None], suspect, np.arange(200), weights=np.ones(1), settings=QUICK, unmeasured=0.0
    )
    score = normal_scores(values)[:, 0]
    design = np.column_stack([np.ones(200), blind, suspect])
    after = np.linalg.lstsq(design, score, rcond=None)[0][2]
    before = score[suspect].mean() - score[~suspect].mean()
    assert found.effect_ratio == pytest.approx(after / before)
